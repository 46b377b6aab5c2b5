//! A scan of all components, of a baseline or extended sequential frame (T.81, F.2): row by row of MCUs, from bits to samples.

use super::bits::{Bits, Restarts};
use super::markers::{Markers, Scan};
use super::plane::{Size, mcus_across};
use super::tables::{Class, END, NATURAL, PairTable, SkipTable, Table};
use super::transforms::{self, Block, Factors};
use crate::lanczos::Kernels;
use crate::{DAMAGED, Failure, filled};

/// MCUs that are decoded before their blocks are transformed: all of these stay in the first cache.
const BATCH: usize = 8;

/// One component on its way.
struct Plane {
    size: Size,
    /// Blocks of an MCU, across and down: one where it is the only component.
    across: usize,
    down: usize,
    factors: Factors,
    dc: Table,
    ac: Table,
    pairs: PairTable,
    /// Where the first coefficient of a block is all that is needed.
    skip: Option<SkipTable>,
    predicted: i32,
    /// Of a batch, row by row.
    blocks: Vec<Block>,
}

pub struct Sequential<'a> {
    bits: Bits<'a>,
    planes: Vec<Plane>,
    mcus_across: usize,
    /// Rows of MCUs that are done.
    done: usize,
    restarts: Restarts,
    kernels: Kernels,
}

/// The first coefficient of a block, less the one before.
#[inline(always)]
pub fn first(bits: &mut Bits, table: &Table) -> Option<i32> {
    *bits = bits.filled();
    let mut entry = table.look(bits.buffer);
    if entry.is_none() {
        entry = table.longer(bits.buffer);
    }
    let value = entry.value(bits.buffer);
    bits.skip(entry.bits());
    (!entry.is_none()).then_some(value)
}

/// The coefficient whose place is the last one before `k`.
#[inline(always)]
fn store(block: &mut Block, k: u32, value: i16) {
    block[usize::from(NATURAL[(k - 1) as usize & 127] & 63)] = value;
}

/// The last of a block, at its last place or beyond. Whether it may end so.
#[inline(always)]
fn ended(k: u32, value: i16, block: &mut Block) -> bool {
    if k < END {
        block[63] = value;
    }
    k == 64 || k >= END
}

/// The other coefficients of a block (T.81, F.2.2.2), whose zeros are there. None for what is no code, and for a run beyond the last.
#[inline(always)]
pub fn others<'a>(mut bits: Bits<'a>, table: &Table, pairs: &PairTable, block: &mut Block) -> Option<Bits<'a>> {
    // One behind the place of the last one.
    let mut k = 1;
    loop {
        bits = bits.full();
        // What is filled once is enough for two, but for the longest.
        for _ in 0..2 {
            let pair = pairs.look(bits.buffer);
            let ([first, second], values) = (pair.places(), pair.values());
            if k + first < 64 {
                bits.skip(pair.bits());
                store(block, k + first, values[0]);
                k += first + second;
                if k >= 64 {
                    return ended(k, values[1], block).then_some(bits);
                }
                store(block, k, values[1]);
                continue;
            }
            let mut entry = table.look(bits.buffer);
            if entry.is_none() {
                bits = bits.full();
                entry = table.longer(bits.buffer);
                if entry.is_none() {
                    return None;
                }
            }
            k += entry.places();
            let value = entry.value(bits.buffer) as i16;
            bits.skip(entry.bits());
            if k >= 64 {
                return ended(k, value, block).then_some(bits);
            }
            store(block, k, value);
        }
    }
}

/// The same without keeping them.
#[inline(always)]
fn skipped<'a>(mut bits: Bits<'a>, table: &Table, skip: &SkipTable) -> Option<Bits<'a>> {
    let mut k = 1;
    loop {
        bits = bits.filled();
        let (count, places) = skip.look(bits.buffer);
        let next = k + places;
        if next < 64 && count > 0 {
            bits.skip(count);
            k = next;
        } else if next == 64 || (END..END + 64).contains(&next) {
            bits.skip(count);
            return Some(bits);
        } else {
            // A long code, or what is of the next block already.
            let mut entry = table.look(bits.buffer);
            if entry.is_none() {
                entry = table.longer(bits.buffer);
            }
            k += entry.places();
            bits.skip(entry.bits());
            if entry.is_none() || k >= 64 {
                return (!entry.is_none() && (k == 64 || k >= END)).then_some(bits);
            }
        }
    }
}

impl<'a> Sequential<'a> {
    pub fn new(
        bytes: &'a [u8],
        markers: &Markers,
        scan: &Scan,
        sizes: &[Size],
        kernels: Kernels,
    ) -> Result<Self, Failure> {
        let alone = sizes.len() == 1;
        let plane = |(part, size): (&super::markers::Part, &Size)| {
            let ac = Table::of(&markers.ac, part.ac, Class::Ac).ok_or(DAMAGED)?;
            let (across, down) = if alone { (1, 1) } else { (size.across, size.down) };
            let reduced = size.side > 1;
            Ok(Plane {
                size: *size,
                across,
                down,
                factors: markers.steps_of(part.component).ok_or(DAMAGED)?.map(|step| step as i16),
                dc: Table::of(&markers.dc, part.dc, Class::Dc).ok_or(DAMAGED)?,
                skip: (!reduced).then(|| SkipTable::new(&ac)),
                pairs: PairTable::new(&ac),
                ac,
                predicted: 0,
                blocks: filled([0; 64], if reduced { BATCH * across * down } else { 0 })?,
            })
        };
        Ok(Self {
            bits: Bits::new(bytes, scan.at),
            planes: scan.parts.iter().zip(sizes).map(plane).collect::<Result<_, Failure>>()?,
            mcus_across: mcus_across(&markers.frame, sizes),
            done: 0,
            restarts: Restarts::new(markers.restart),
            kernels,
        })
    }

    /// The next rows of all planes: of a single component, as many rows of blocks as its factor says.
    pub fn next(&mut self, to: &mut [&mut [u8]]) -> Result<(), Failure> {
        let alone = self.planes.len() == 1;
        let rows = if alone { self.planes[0].size.down } else { 1 };
        for row in 0..rows {
            if alone && self.done >= self.planes[0].size.blocks_down {
                break;
            }
            for from in (0..self.mcus_across).step_by(BATCH) {
                let count = BATCH.min(self.mcus_across - from);
                self.decode(from, count, row, to).ok_or(DAMAGED)?;
                self.transform(from, count, row, to);
            }
            self.done += 1;
        }
        if self.bits.is_sound() { Ok(()) } else { Err(DAMAGED) }
    }

    /// Coefficients of `count` MCUs from `from` on. Samples, where a block has one.
    fn decode(&mut self, from: usize, count: usize, row: usize, to: &mut [&mut [u8]]) -> Option<()> {
        for plane in &mut self.planes {
            plane.blocks.fill([0; 64]);
        }
        let mut bits = self.bits;
        for mcu in 0..count {
            if self.restarts.are_due() {
                bits = self.restarts.pass(bits)?;
                self.planes.iter_mut().for_each(|plane| plane.predicted = 0);
            }
            for (plane, to) in self.planes.iter_mut().zip(to.iter_mut()) {
                for y in 0..plane.down {
                    for x in 0..plane.across {
                        plane.predicted = plane.predicted.wrapping_add(first(&mut bits, &plane.dc)?);
                        let value = plane.predicted as i16;
                        if let Some(skip) = &plane.skip {
                            bits = skipped(bits, &plane.ac, skip)?;
                            let x = (from + mcu) * plane.across + x;
                            if x < plane.size.blocks_across && self.done * plane.down + y < plane.size.blocks_down {
                                let at = (row + y) * plane.size.blocks_across + x;
                                to[at] = transforms::mean(value, plane.factors[0]);
                            }
                        } else {
                            let block = &mut plane.blocks[y * BATCH * plane.across + mcu * plane.across + x];
                            block[0] = value;
                            bits = others(bits, &plane.ac, &plane.pairs, block)?;
                        }
                    }
                }
            }
        }
        self.bits = bits;
        Some(())
    }

    fn transform(&self, from: usize, count: usize, row: usize, to: &mut [&mut [u8]]) {
        for (plane, to) in self.planes.iter().zip(to) {
            let Size { side, blocks_across, blocks_down, .. } = plane.size;
            if side == 1 {
                continue;
            }
            let left = from * plane.across;
            let blocks = (count * plane.across).min(blocks_across - left);
            for y in 0..plane.down {
                if self.done * plane.down + y >= blocks_down {
                    break;
                }
                let out = &mut to[(row + y) * side * plane.size.stride() + left * side..];
                let blocks = &plane.blocks[y * BATCH * plane.across..][..blocks];
                transforms::row(self.kernels, side, blocks, &plane.factors, out, plane.size.stride());
            }
        }
    }

    /// The marker behind the last row, and where the byte behind it is.
    pub fn end(&self) -> Option<(u8, usize)> {
        self.bits.is_sound().then(|| self.bits.marker())?
    }
}
