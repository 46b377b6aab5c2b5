//! Blocks of a progressive frame (T.81, annex G): four kinds of scan, each of which adds to the coefficients that are there. None is what no
//! encoder writes; some of it libjpeg only warns of, and some it lets pass.

use super::bits::Bits;
use super::tables::{Class, Code, END, Entry, NATURAL, Table};
use super::transforms::Block;

/// A block, and of which places in the order of a scan its coefficients are not zero, the first one's aside.
pub struct Told<'a> {
    pub block: &'a mut Block,
    pub there: &'a mut u64,
}

/// What a scan does to a block.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    FirstDc,
    RefinedDc,
    FirstAc,
    RefinedAc,
}

/// A band of coefficients, and by how many bits what is coded is shifted.
#[derive(Clone, Copy)]
pub struct Band {
    pub pass: Pass,
    pub first: u32,
    pub last: u32,
    pub shift: u32,
}

impl Band {
    /// The table that it needs, if it needs one.
    pub fn table(&self, [dc, ac]: [(&[Option<Box<Code>>; 4], usize); 2]) -> Option<Option<Table>> {
        match self.pass {
            Pass::FirstDc => Table::of(dc.0, dc.1, Class::Dc).map(Some),
            Pass::RefinedDc => Some(None),
            Pass::FirstAc | Pass::RefinedAc => Table::of(ac.0, ac.1, Class::Band).map(Some),
        }
    }
}

fn at(block: &mut Block, k: u32) -> &mut i16 {
    &mut block[usize::from(NATURAL[k as usize & 127] & 63)]
}

/// Places from `first` to before `end`, at most 64.
fn places(first: u32, end: u32) -> u64 {
    (u64::MAX << first) & u64::MAX.unbounded_shr(64 - end)
}

/// G.1.2.1, first scan.
#[inline(always)]
pub fn first_dc<'a>(
    bits: Bits<'a>,
    table: &Table,
    predicted: &mut i32,
    band: Band,
    block: &mut Block,
) -> Option<Bits<'a>> {
    let mut bits = bits.filled();
    let entry = table.entry(bits.buffer)?;
    *predicted = predicted.checked_add(entry.value(bits.buffer))?;
    block[0] = (*predicted << band.shift) as i16;
    bits.skip(entry.bits());
    Some(bits)
}

/// G.1.2.1, a bit more.
#[inline(always)]
pub fn refined_dc<'a>(bits: Bits<'a>, band: Band, block: &mut Block) -> Bits<'a> {
    let mut bits = bits.filled();
    block[0] |= i16::from(bits.bit()) << band.shift;
    bits
}

/// How many blocks end here, this one among them (T.81, G.1.2.2).
#[inline(always)]
fn run(bits: &mut Bits, entry: Entry) -> u32 {
    bits.skip(entry.code());
    (1 << entry.size()) + bits.number(entry.size())
}

/// G.1.2.2. `ended`: blocks from this one on that have nothing.
#[inline(always)]
pub fn first_ac<'a>(bits: Bits<'a>, table: &Table, ended: &mut u32, band: Band, told: Told) -> Option<Bits<'a>> {
    let mut bits = bits;
    let mut k = band.first;
    while *ended == 0 && k <= band.last {
        bits = bits.filled();
        let entry = table.entry(bits.buffer)?;
        if entry.places() == END {
            *ended = run(&mut bits, entry);
            break;
        }
        k += entry.places();
        if k > band.last + 1 {
            return None;
        }
        let value = (entry.value(bits.buffer) << band.shift) as i16;
        *at(told.block, k - 1) = value;
        *told.there |= u64::from(value != 0) << (k - 1);
        bits.skip(entry.bits());
    }
    *ended = ended.saturating_sub(1);
    Some(bits)
}

/// Another bit of each coefficient that is not zero, at these places.
#[inline(always)]
fn correct<'a>(mut bits: Bits<'a>, block: &mut Block, mut places: u64, bit: i16) -> Bits<'a> {
    while places != 0 {
        bits = bits.filled();
        let coefficient = at(block, places.trailing_zeros());
        let lacks = bits.bit() && *coefficient & bit == 0;
        let sign = (*coefficient >> 15) | 1;
        *coefficient = coefficient.wrapping_add(i16::from(lacks) * sign * bit);
        places &= places - 1;
    }
    bits
}

/// G.1.2.3.
#[inline(always)]
pub fn refined_ac<'a>(bits: Bits<'a>, table: &Table, ended: &mut u32, band: Band, told: Told) -> Option<Bits<'a>> {
    let Told { block, there } = told;
    let mut bits = bits;
    let bit = 1i16 << band.shift;
    let end = band.last + 1;
    let mut k = band.first;
    while *ended == 0 && k < end {
        bits = bits.filled();
        let entry = table.entry(bits.buffer)?;
        if entry.places() == END {
            *ended = run(&mut bits, entry);
            break;
        }
        bits.skip(entry.code());
        // What is new has one bit: its sign.
        let new = match entry.size() {
            0 => 0,
            1 if bits.bit() => bit,
            1 => -bit,
            _ => return None,
        };
        // Its place is behind so many zeros, which are counted without what is there.
        let mut zeros = !*there & places(k, end);
        for _ in 1..entry.places() {
            zeros &= zeros.wrapping_sub(1);
        }
        let place = zeros.trailing_zeros().min(end);
        bits = correct(bits, block, *there & places(k, place), bit);
        if new != 0 {
            if place == end {
                return None;
            }
            *at(block, place) = new;
            *there |= 1 << place;
        }
        k = place + 1;
    }
    if *ended > 0 {
        if k < end {
            bits = correct(bits, block, *there & places(k, end), bit);
        }
        *ended -= 1;
    }
    Some(bits)
}
