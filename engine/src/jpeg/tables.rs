//! Huffman tables as a scan needs them (T.81, annexes C and F.2.2.3): one look-up gives a code, its run, the bits that follow it and how far it
//! goes in the block.

/// What a DHT segment says: codes of each length, and their symbols by length (T.81, B.2.4.2).
#[derive(Clone)]
pub struct Code {
    pub counts: [u8; 17],
    pub symbols: [u8; 256],
}

/// Row by row, where the coefficient is that comes at each place of a scan (T.81, figure A.6). Places behind the last are for runs that
/// reach too far, which are found after they were stored.
pub const NATURAL: [u8; 128] = {
    let mut order = [63; 128];
    let (mut at, mut sum) = (0, 0);
    while sum < 15 {
        let mut step = 0;
        while step <= sum {
            // Odd diagonals go down, even ones up.
            let (x, y) = if sum % 2 == 1 { (sum - step, step) } else { (step, sum - step) };
            if x < 8 && y < 8 {
                order[at] = (8 * y + x) as u8;
                at += 1;
            }
            step += 1;
        }
        sum += 1;
    }
    order
};

/// Bits of a look-up. Codes that are longer are rare, and larger tables leave no room in the first cache.
pub const LOOK: u32 = 10;
/// Of a look-up that skips coefficients: the codes of several fit.
pub const SKIP: u32 = 12;
/// Bits that a code and what follows it may take: as many must be there before a look-up.
pub const MOST_BITS: u32 = 31;
/// How far the end of a block goes: beyond what runs reach.
pub const END: u32 = 128;

/// A code and what follows it. Bits 0 to 5: how many bits both take; 8 to 12: the code alone; 16 to 19: what follows; 24 to 31: places in the
/// block. 0 is no code, or one that is longer than `LOOK`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Entry(u32);

impl Entry {
    const NONE: Self = Self(0);

    const fn new(length: u32, size: u32, places: u32) -> Self {
        Self((length + size) | length << 8 | size << 16 | places << 24)
    }

    pub fn is_none(self) -> bool {
        self == Self::NONE
    }

    /// The bits of the code.
    #[inline(always)]
    pub fn code(self) -> u32 {
        self.0 >> 8 & 31
    }

    /// How many bits follow the code.
    #[inline(always)]
    pub fn size(self) -> u32 {
        self.0 >> 16 & 15
    }

    /// All bits that it takes.
    #[inline(always)]
    pub fn bits(self) -> u32 {
        self.0 & 63
    }

    /// How many places it goes on.
    #[inline(always)]
    pub fn places(self) -> u32 {
        self.0 >> 24
    }

    /// The value, with `buffer`'s first bit the first of the code (T.81, F.2.2.1, EXTEND). Without a branch: of a negative one, all bits
    /// are turned over, and it begins with a zero.
    #[inline(always)]
    pub fn value(self, buffer: u64) -> i32 {
        let bits = buffer << self.code();
        let negative = !((bits as i64) >> 63) as u64;
        let magnitude = ((bits ^ negative) >> 1 >> (63 - self.size())) as i32;
        (magnitude ^ negative as i32) - negative as i32
    }
}

/// Which coefficients a table is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Class {
    Dc,
    Ac,
    /// Of a progressive frame, where ends of blocks come in runs (T.81, G.1.2.2). Bits that tell how long one is are those of a size.
    Band,
}

/// A table of one scan.
pub struct Table {
    look: Box<[Entry; 1 << LOOK]>,
    /// Of codes of each length, left-aligned in 16 bits: one behind the last.
    limit: [u32; 17],
    /// From a code of each length to its symbol.
    offset: [i32; 17],
    symbols: [u8; 256],
    class: Class,
}

/// The entry of a symbol; none where it cannot be in a sequential scan.
fn entry(class: Class, length: u32, symbol: u8) -> Entry {
    let (run, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
    match (class, run, size) {
        (Class::Dc, ..) => Entry::new(length, size, 0),
        (Class::Ac, 0, 0) => Entry::new(length, 0, END),
        (Class::Ac, 1..=14, 0) => Entry::NONE,
        (Class::Band, 0..=14, 0) => Entry::new(length, run, END),
        (Class::Ac | Class::Band, ..) => Entry::new(length, size, run + 1),
    }
}

impl Table {
    /// None where the lengths are those of no code, or a symbol is not of this class (as libjpeg has it).
    pub fn new(code: &Code, class: Class) -> Option<Self> {
        let mut look = Box::new([Entry::NONE; 1 << LOOK]);
        let (mut limit, mut offset) = ([0; 17], [0; 17]);
        let (mut next, mut at) = (0u32, 0usize);
        for length in 1..=16u32 {
            let count = usize::from(code.counts[length as usize]);
            offset[length as usize] = at as i32 - next as i32;
            for &symbol in code.symbols.get(at..at + count)? {
                if class == Class::Dc && symbol > 15 {
                    return None;
                }
                // The code of ones alone is none (T.81, C.2).
                if next + 1 >= 1 << length {
                    return None;
                }
                if length <= LOOK {
                    let places = 1 << (LOOK - length);
                    look[next as usize * places..][..places].fill(entry(class, length, symbol));
                }
                next += 1;
            }
            limit[length as usize] = next << (16 - length);
            at += count;
            next <<= 1;
        }
        Some(Self { look, limit, offset, symbols: code.symbols, class })
    }

    /// Of the codes that were defined; none where the one named was not.
    pub fn of(codes: &[Option<Box<Code>>; 4], at: usize, class: Class) -> Option<Self> {
        Self::new(codes.get(at)?.as_deref()?, class)
    }

    /// What begins with the first bits of `buffer`; none where it is no code.
    #[inline(always)]
    pub fn entry(&self, buffer: u64) -> Option<Entry> {
        let entry = self.look(buffer);
        let entry = if entry.is_none() { self.longer(buffer) } else { entry };
        (!entry.is_none()).then_some(entry)
    }

    /// What begins with the first bit of `buffer`, or none of it: `longer` knows then.
    #[inline(always)]
    pub fn look(&self, buffer: u64) -> Entry {
        self.look[(buffer >> (64 - LOOK)) as usize]
    }

    /// The same for long codes, whose runs and sizes the tables do not hold; none is no code.
    #[cold]
    #[inline(never)]
    pub fn longer(&self, buffer: u64) -> Entry {
        match self.symbol(buffer) {
            Some((symbol, length)) => entry(self.class, length, symbol),
            None => Entry::NONE,
        }
    }

    /// The symbol whose code begins with the first bit of `buffer`, and the length of the code (T.81, F.2.2.3, DECODE).
    pub fn symbol(&self, buffer: u64) -> Option<(u8, u32)> {
        let first = (buffer >> 48) as u32;
        let length = (1..=16u32).find(|length| first < self.limit[*length as usize])?;
        let at = (first >> (16 - length)) as i32 + self.offset[length as usize];
        self.symbols.get(usize::try_from(at).ok()?).map(|symbol| (*symbol, length))
    }
}

/// What begins with the first bit of a look-up, where it fits in whole: two coefficients and what follows their codes, or one. Bits 0 to 7: how
/// many bits they take; 8 to 15 and 16 to 23: places of the first and from it to the second; from 32 and 48 on: their values. Of one alone,
/// the second is the first once more.
#[derive(Clone, Copy)]
pub struct Pair(u64);

impl Pair {
    /// The end of a block, and what is long: beyond all places.
    const NONE: Self = Self(0xFF00);

    fn new(bits: u32, places: [u32; 2], values: [i32; 2]) -> Self {
        let value = |at: usize| u64::from(values[at] as u16);
        let places = u64::from(places[0]) << 8 | u64::from(places[1]) << 16;
        Self(u64::from(bits) | places | value(0) << 32 | value(1) << 48)
    }

    #[inline(always)]
    pub fn bits(self) -> u32 {
        self.0 as u32 & 63
    }

    /// How many places the first goes on, and the second from there.
    #[inline(always)]
    pub fn places(self) -> [u32; 2] {
        [(self.0 >> 8) as u32 & 255, (self.0 >> 16) as u32 & 255]
    }

    #[inline(always)]
    pub fn values(self) -> [i16; 2] {
        [(self.0 >> 32) as i16, (self.0 >> 48) as i16]
    }
}

/// Coefficients of a table for AC ones, two at a time.
pub struct PairTable(Box<[Pair; 1 << LOOK]>);

impl PairTable {
    pub fn new(table: &Table) -> Self {
        let mut pairs = Box::new([Pair::NONE; 1 << LOOK]);
        for (pattern, pair) in pairs.iter_mut().enumerate() {
            let buffer = (pattern as u64) << (64 - LOOK);
            let first = table.look(buffer);
            if first.is_none() || first.places() == END || first.bits() > LOOK {
                continue;
            }
            let rest = buffer << first.bits();
            let second = table.look(rest);
            let (places, value) = (first.places(), first.value(buffer));
            let bits = first.bits() + second.bits();
            *pair = if second.is_none() || bits > LOOK {
                Pair::new(first.bits(), [places, 0], [value; 2])
            } else {
                Pair::new(bits, [places, second.places()], [value, second.value(rest)])
            };
        }
        Self(pairs)
    }

    #[inline(always)]
    pub fn look(&self, buffer: u64) -> Pair {
        self.0[(buffer >> (64 - LOOK)) as usize]
    }
}

/// Coefficients that nothing needs, several at a time. Of each: bits at 0, places at 8. 0: none begins there, or its code is long.
pub struct SkipTable(Box<[u16; 1 << SKIP]>);

impl SkipTable {
    /// Of a table for AC coefficients.
    pub fn new(table: &Table) -> Self {
        let mut skip = Box::new([0; 1 << SKIP]);
        for (pattern, to) in skip.iter_mut().enumerate() {
            let (mut bits, mut places) = (0, 0);
            while bits < SKIP && places < END {
                let entry = table.look((pattern as u64) << (64 - SKIP) << bits);
                // What follows a code need not be in sight, but the code itself.
                let code = entry.code();
                if entry.is_none()
                    || bits + code > SKIP
                    || bits + entry.bits() > MOST_BITS
                    || places + entry.places() > 255
                {
                    break;
                }
                bits += entry.bits();
                places += entry.places();
            }
            *to = (bits | places << 8) as u16;
        }
        Self(skip)
    }

    /// Bits and places of what begins with the first bit of `buffer`.
    #[inline(always)]
    pub fn look(&self, buffer: u64) -> (u32, u32) {
        let entry = u32::from(self.0[(buffer >> (64 - SKIP)) as usize]);
        (entry & 63, entry >> 8)
    }
}
