//! The bits of an entropy-coded segment (T.81, F.2.2.5): eight bytes at a time where none of them is 0xFF.

/// Where in a segment a decoder is. Small enough to be handed on by value, so that a loop keeps it in registers.
#[derive(Clone, Copy)]
pub struct Bits<'a> {
    bytes: &'a [u8],
    /// The byte that is read next.
    at: usize,
    /// The next bits, the first at the top, zeros behind the last.
    pub buffer: u64,
    /// How many of these are the segment's. Below zero, more were taken than it has.
    pub count: i32,
}

/// Whether one of eight bytes is 0xFF.
#[inline(always)]
fn has_ones(word: u64) -> bool {
    const LOW: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    (!word).wrapping_sub(LOW) & word & HIGH != 0
}

/// Byte by byte. Zeros that are stuffed behind ones are dropped; a marker ends the segment, and so does the end of the file. Takes and gives
/// numbers, so that those of its callers stay in registers.
#[cold]
#[inline(never)]
fn slowly(bytes: &[u8], mut at: usize, mut buffer: u64, mut count: i32) -> (usize, u64, i32) {
    while (0..56).contains(&count) {
        let Some(&byte) = bytes.get(at) else { break };
        if byte == 0xFF && bytes.get(at + 1) != Some(&0) {
            break;
        }
        at += if byte == 0xFF { 2 } else { 1 };
        buffer |= u64::from(byte) << (56 - count);
        count += 8;
    }
    (at, buffer, count)
}

impl<'a> Bits<'a> {
    pub fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at, buffer: 0, count: 0 }
    }

    /// At least 32 bits, or all that are left.
    #[inline(always)]
    pub fn filled(self) -> Self {
        if self.count >= 32 { self } else { self.full() }
    }

    /// At least 56 bits, or all that are left.
    #[inline(always)]
    pub fn full(mut self) -> Self {
        if let Some(eight) = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk::<8>()) {
            let word = u64::from_be_bytes(*eight);
            if !has_ones(word) {
                // Not below zero: behind a segment lies a marker, which begins with ones.
                self.buffer |= word >> (self.count & 63);
                self.at += ((63 - self.count) >> 3) as usize;
                self.count |= 56;
                return self;
            }
        }
        (self.at, self.buffer, self.count) = slowly(self.bytes, self.at, self.buffer, self.count);
        self
    }

    #[inline(always)]
    pub fn skip(&mut self, bits: u32) {
        self.buffer = self.buffer.wrapping_shl(bits);
        self.count -= bits as i32;
    }

    /// One bit; `filled` must have seen to it that there is one.
    #[inline(always)]
    pub fn bit(&mut self) -> bool {
        let bit = self.buffer >> 63 == 1;
        self.skip(1);
        bit
    }

    /// `count` bits, at most 16, as a number.
    #[inline(always)]
    pub fn number(&mut self, count: u32) -> u32 {
        let number = (self.buffer >> 1 >> (63 - count)) as u32;
        self.skip(count);
        number
    }

    /// Whether all bits that were taken were there, and a marker lies ahead. libjpeg reads ahead by up to eight bytes and warns where the file
    /// ends.
    pub fn is_sound(&self) -> bool {
        const AHEAD: usize = 64;
        let ahead = &self.bytes[self.at.min(self.bytes.len())..];
        let marker = |pair: &[u8]| pair[0] == 0xFF && pair[1] != 0 && pair[1] != 0xFF;
        self.count >= 0 && (ahead.len() >= AHEAD || ahead.windows(2).any(marker))
    }

    /// The marker that ends the segment, and where the byte behind it is: none where there is none, or whole bytes lie before it.
    pub fn marker(self) -> Option<(u8, usize)> {
        if !(0..8).contains(&self.count) || self.bytes.get(self.at) != Some(&0xFF) {
            return None;
        }
        let ones = self.bytes[self.at..].iter().take_while(|byte| **byte == 0xFF).count();
        let code = *self.bytes.get(self.at + ones)?;
        (code != 0).then_some((code, self.at + ones + 1))
    }
}

/// Restart markers, behind which decoding begins anew (T.81, E.2.4).
pub struct Restarts {
    /// MCUs from one to the next, 0 without.
    every: u32,
    /// MCUs up to the next one.
    left: u32,
    next: u8,
}

impl Restarts {
    pub fn new(every: u32) -> Self {
        Self { every, left: every, next: 0 }
    }

    /// Counts an MCU. Whether a marker must come before it.
    #[inline(always)]
    pub fn are_due(&mut self) -> bool {
        if self.every == 0 {
            return false;
        }
        let due = self.left == 0;
        self.left = if due { self.every } else { self.left } - 1;
        due
    }

    /// Behind the marker, if it is the next one and lies right ahead.
    #[cold]
    #[inline(never)]
    pub fn pass<'a>(&mut self, bits: Bits<'a>) -> Option<Bits<'a>> {
        let (code, at) = bits.marker()?;
        let expected = code == 0xD0 + self.next;
        self.next = (self.next + 1) % 8;
        (expected && bits.is_sound()).then(|| Bits::new(bits.bytes, at))
    }
}
