//! Frames whose scans each have a part of the coefficients: progressive ones, and those with a scan for each component. All coefficients are
//! kept until the last scan was read.

use super::bits::{Bits, Restarts};
use super::markers::{Markers, Next, Part, Scan};
use super::plane::{Size, mcus_across};
use super::progressive::{Band, Pass, Told, first_ac, first_dc, refined_ac, refined_dc};
use super::scan::{first, others};
use super::tables::{Class, PairTable, Table};
use super::transforms::{self, Block, Factors};
use crate::codecs::{Bounds, passed};
use crate::lanczos::Kernels;
use crate::{DAMAGED, Failure, filled};

struct Plane {
    size: Size,
    factors: Factors,
    /// Whole MCUs of blocks, row by row.
    blocks: Vec<Block>,
    /// Of each block, which coefficients are not zero.
    there: Vec<u64>,
    row: usize,
    /// How many bits each coefficient still lacks, in the order of a scan; none where it was not in a scan yet.
    lacks: [Option<u8>; 64],
}

pub struct Stored {
    planes: Vec<Plane>,
    /// Rows of MCUs that are given.
    given: usize,
    kernels: Kernels,
}

/// What decodes the blocks of one component in one scan.
enum Coding {
    Whole(Box<Table>, Box<Table>, PairTable),
    Band(Band, Option<Box<Table>>),
}

/// A component in a scan.
struct Coded {
    plane: usize,
    coding: Coding,
    predicted: i32,
    /// Blocks that are left of a run of ended ones.
    ended: i32,
}

impl Coded {
    /// Blocks beside one another. Bits are handed on by value, and what is done is chosen once.
    #[inline(always)]
    fn each<'a>(
        mut bits: Bits<'a>,
        restarts: &mut Restarts,
        row: (&mut [Block], &mut [u64]),
        [predicted, ended]: [&mut i32; 2],
        block: impl Fn(Bits<'a>, &mut i32, &mut u32, Told) -> Option<Bits<'a>>,
    ) -> Option<Bits<'a>> {
        let (mut before, mut left) = (*predicted, *ended as u32);
        for (of, there) in row.0.iter_mut().zip(row.1) {
            if restarts.are_due() {
                bits = restarts.pass(bits)?;
                (before, left) = (0, 0);
            }
            bits = block(bits, &mut before, &mut left, Told { block: of, there })?;
        }
        (*predicted, *ended) = (before, left as i32);
        Some(bits)
    }

    /// A row of a single component, or the blocks of an MCU that lie beside one another.
    fn row<'a>(
        &mut self,
        bits: Bits<'a>,
        restarts: &mut Restarts,
        row: (&mut [Block], &mut [u64]),
    ) -> Option<Bits<'a>> {
        let state = [&mut self.predicted, &mut self.ended];
        match &self.coding {
            Coding::Whole(dc, ac, pairs) => Self::each(bits, restarts, row, state, |mut bits, before, _, told| {
                *before = before.wrapping_add(first(&mut bits, dc)?);
                told.block[0] = *before as i16;
                others(bits, ac, pairs, told.block)
            }),
            Coding::Band(band, table) => match (band.pass, table) {
                (Pass::FirstDc, Some(table)) => Self::each(bits, restarts, row, state, |bits, before, _, told| {
                    first_dc(bits, table, before, *band, told.block)
                }),
                (Pass::FirstAc, Some(table)) => Self::each(bits, restarts, row, state, |bits, _, ended, told| {
                    first_ac(bits, table, ended, *band, told)
                }),
                (Pass::RefinedAc, Some(table)) => Self::each(bits, restarts, row, state, |bits, _, ended, told| {
                    refined_ac(bits, table, ended, *band, told)
                }),
                _ => {
                    Self::each(bits, restarts, row, state, |bits, _, _, told| Some(refined_dc(bits, *band, told.block)))
                }
            },
        }
    }
}

impl Stored {
    /// Reads all scans, of which `scan` is the first.
    pub fn new(
        bytes: &[u8],
        mut markers: Markers,
        scan: Scan,
        sizes: &[Size],
        bounds: &Bounds,
        kernels: Kernels,
    ) -> Result<Self, Failure> {
        let across = mcus_across(&markers.frame, sizes);
        let plane = |size: &Size| {
            let padded = |blocks: usize, factor: usize| blocks.next_multiple_of(factor);
            let (row, rows) = (padded(size.blocks_across, size.across), padded(size.blocks_down, size.down));
            let blocks = filled([0; 64], row * rows)?;
            let there = filled(0, row * rows)?;
            Ok(Plane { size: *size, factors: [0; 64], blocks, there, row, lacks: [None; 64] })
        };
        let planes = sizes.iter().map(plane).collect::<Result<_, Failure>>()?;
        let mut stored = Self { planes, given: 0, kernels };
        let mut next = Next::Scan(scan);
        let mut scans = 0;
        while let Next::Scan(scan) = next {
            scans += 1;
            if scans > bounds.scans {
                return Err(Failure::Declined("scans"));
            }
            let coded = stored.begin(&markers, &scan).ok_or(DAMAGED)?;
            let bits = stored.read(Bits::new(bytes, scan.at), coded, across, markers.restart, bounds)?;
            let (code, at) = bits.marker().ok_or(DAMAGED)?;
            next = markers.resume(code, at).ok_or(DAMAGED)?;
        }
        // libjpeg guesses the first of the coefficients that have bits left (T.81, K.8); others are zero.
        let whole = |plane: &Plane| plane.lacks[..10].iter().all(|lacks| *lacks == Some(0));
        if stored.planes.iter().all(whole) { Ok(stored) } else { Err(DAMAGED) }
    }

    /// Checks that a scan goes on where those before it ended.
    fn begin(&mut self, markers: &Markers, scan: &Scan) -> Option<Vec<Coded>> {
        let Scan { first, last, before, after, .. } = *scan;
        let progressive = markers.frame.progressive;
        let sound = if progressive {
            let band = if first == 0 { last == 0 } else { first <= last && last < 64 && scan.parts.len() == 1 };
            band && after <= 13 && (before == 0 || after + 1 == before)
        } else {
            (first, last, before, after) == (0, 63, 0, 0)
        };
        if !sound {
            return None;
        }
        let coded = |part: &Part| {
            let plane = &mut self.planes[part.component];
            if plane.lacks.iter().all(Option::is_none) {
                plane.factors = markers.steps_of(part.component)?.map(|step| step as i16);
            }
            // First come the first bits of the first coefficient.
            if first > 0 && plane.lacks[0].is_none() {
                return None;
            }
            for lacks in &mut plane.lacks[usize::from(first)..=usize::from(last)] {
                // Without a bit that it lacks, it is not told again.
                if lacks.unwrap_or(0) != before || (*lacks == Some(0) && before == 0) {
                    return None;
                }
                *lacks = Some(after);
            }
            let coding = if progressive {
                let pass = match (first, before) {
                    (0, 0) => Pass::FirstDc,
                    (0, _) => Pass::RefinedDc,
                    (_, 0) => Pass::FirstAc,
                    _ => Pass::RefinedAc,
                };
                let band = Band { pass, first: first.into(), last: last.into(), shift: after.into() };
                let table = band.table([(&markers.dc, part.dc), (&markers.ac, part.ac)])?;
                Coding::Band(band, table.map(Box::new))
            } else {
                let dc = Table::of(&markers.dc, part.dc, Class::Dc)?;
                let ac = Table::of(&markers.ac, part.ac, Class::Ac)?;
                let pairs = PairTable::new(&ac);
                Coding::Whole(Box::new(dc), Box::new(ac), pairs)
            };
            Some(Coded { plane: part.component, coding, predicted: 0, ended: 0 })
        };
        scan.parts.iter().map(coded).collect()
    }

    /// Reads one scan. Between rows, it looks whether it may go on.
    fn read<'a>(
        &mut self,
        mut bits: Bits<'a>,
        mut coded: Vec<Coded>,
        across: usize,
        restart: u32,
        bounds: &Bounds,
    ) -> Result<Bits<'a>, Failure> {
        let alone = coded.len() == 1;
        let one = self.planes[coded[0].plane].size;
        // MCUs of a single component are the blocks that show something (T.81, A.2.2).
        let (across, down) =
            if alone { (one.blocks_across, one.blocks_down) } else { (across, one.blocks_down.div_ceil(one.down)) };
        let mut restarts = Restarts::new(restart);
        for y in 0..down {
            passed(bounds)?;
            if alone {
                let plane = &mut self.planes[coded[0].plane];
                let row = y * plane.row..y * plane.row + across;
                let row = (&mut plane.blocks[row.clone()], &mut plane.there[row]);
                bits = coded[0].row(bits, &mut restarts, row).ok_or(DAMAGED)?;
            }
            for x in (0..across).take_while(|_| !alone) {
                if restarts.are_due() {
                    bits = restarts.pass(bits).ok_or(DAMAGED)?;
                    for coded in &mut coded {
                        (coded.predicted, coded.ended) = (0, 0);
                    }
                }
                for coded in &mut coded {
                    let plane = &mut self.planes[coded.plane];
                    let (columns, rows) = (plane.size.across, plane.size.down);
                    for row in y * rows..(y + 1) * rows {
                        let at = row * plane.row + x * columns;
                        let row = (&mut plane.blocks[at..at + columns], &mut plane.there[at..at + columns]);
                        bits = coded.row(bits, &mut Restarts::new(0), row).ok_or(DAMAGED)?;
                    }
                }
            }
            if !bits.is_sound() {
                return Err(DAMAGED);
            }
        }
        Ok(bits)
    }

    /// The next rows of all planes.
    pub fn next(&mut self, to: &mut [&mut [u8]]) {
        for (plane, to) in self.planes.iter().zip(to) {
            let Size { side, down, blocks_across, blocks_down, .. } = plane.size;
            let from = self.given * down;
            for y in from..blocks_down.min(from + down) {
                let out = &mut to[(y - from) * side * plane.size.stride()..];
                let blocks = &plane.blocks[y * plane.row..][..blocks_across];
                if side > 1 {
                    transforms::row(self.kernels, side, blocks, &plane.factors, out, plane.size.stride());
                    continue;
                }
                for (to, block) in out.iter_mut().zip(blocks) {
                    *to = transforms::mean(block[0], plane.factors[0]);
                }
            }
        }
        self.given += 1;
    }
}
