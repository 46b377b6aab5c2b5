//! JPEGs of noise: any sampling, size, table, restart interval and coefficients, also such as no encoder writes. T.81 as in src/jpeg.

use crate::mutant::Noise;

/// What a made JPEG is like.
#[derive(Clone, Debug)]
pub struct Kind {
    pub width: usize,
    pub height: usize,
    /// Factors of each component, across and down.
    pub factors: Vec<(usize, usize)>,
    pub restart: usize,
    /// 0: few and small coefficients; 2: as large as codes allow.
    pub wildness: usize,
    /// Each component in a scan of its own.
    pub apart: bool,
}

impl Kind {
    pub fn of(noise: &mut Noise) -> Self {
        let factors = match noise.below(8) {
            0 => vec![(1, 1)],
            1 => vec![(1 + noise.below(4), 1 + noise.below(4))],
            2 => vec![(1, 1), (1, 1), (1, 1)],
            3 => vec![(2, 1), (1, 1), (1, 1)],
            4 => vec![(1, 2), (1, 1), (1, 1)],
            5 => vec![(2, 2), (1, 1), (1, 1)],
            6 => vec![(2, 2), (1, 2), (1, 2)],
            _ => vec![(1 + noise.below(2), 1 + noise.below(2)), (1, 1), (1 + noise.below(2), 1)],
        };
        let most = [9, 40, 150][noise.below(3)];
        Self {
            width: 1 + noise.below(most),
            height: 1 + noise.below(most),
            factors,
            restart: if noise.below(2) == 0 { 0 } else { 1 + noise.below(9) },
            wildness: noise.below(3),
            apart: noise.below(4) == 0,
        }
    }
}

/// The bits of a segment, with zeros stuffed behind ones.
#[derive(Default)]
struct Segment {
    bytes: Vec<u8>,
    buffer: u32,
    count: u32,
}

impl Segment {
    fn put(&mut self, bits: u32, count: u32) {
        for at in (0..count).rev() {
            self.buffer = self.buffer << 1 | bits >> at & 1;
            self.count += 1;
            if self.count == 8 {
                self.bytes.push(self.buffer as u8);
                if self.buffer as u8 == 0xFF {
                    self.bytes.push(0);
                }
                (self.buffer, self.count) = (0, 0);
            }
        }
    }

    fn pad(&mut self) {
        while self.count != 0 {
            self.put(1, 1);
        }
    }
}

/// A Huffman code: symbols in a random order, so that each comes with long codes and short ones.
struct Code {
    counts: [u8; 16],
    symbols: Vec<u8>,
    of: [(u32, u32); 256],
}

impl Code {
    fn new(mut symbols: Vec<u8>, noise: &mut Noise) -> Self {
        for at in (1..symbols.len()).rev() {
            symbols.swap(at, noise.below(at + 1));
        }
        let (mut counts, mut of, mut code, mut at) = ([0; 16], [(0, 0); 256], 0u32, 0);
        let flat = symbols.len() <= 16;
        for length in 1..=16u32 {
            let room = (1 << length) - 1 - code;
            let count = match (flat, length) {
                (true, 5) | (false, 16) => symbols.len() - at,
                (true, _) => 0,
                _ => noise.below(1 + length as usize).min(room as usize / 4).min(symbols.len() - at),
            };
            counts[length as usize - 1] = count as u8;
            for symbol in &symbols[at..at + count] {
                of[usize::from(*symbol)] = (code, length);
                code += 1;
            }
            at += count;
            code <<= 1;
        }
        Self { counts, symbols, of }
    }

    fn put(&self, symbol: u8, segment: &mut Segment) {
        let (code, length) = self.of[usize::from(symbol)];
        segment.put(code, length);
    }

    fn segment(&self, head: u8) -> Vec<u8> {
        marker(0xC4, &[&[head][..], &self.counts, &self.symbols].concat())
    }
}

fn marker(code: u8, data: &[u8]) -> Vec<u8> {
    [&[0xFF, code][..], &(data.len() as u16 + 2).to_be_bytes(), data].concat()
}

/// Bits of a value behind its code: its size, and which they are.
fn magnitude(value: i32) -> (u32, u32) {
    let size = 32 - value.unsigned_abs().leading_zeros();
    (size, (if value < 0 { value - 1 } else { value }) as u32 & ((1 << size) - 1))
}

fn value(noise: &mut Noise, bits: usize) -> i32 {
    let most = 1 << noise.below(bits);
    noise.below(2 * most - 1) as i32 - (most as i32 - 1)
}

fn block(noise: &mut Noise, wildness: usize, last: &mut i32, [dc, ac]: [&Code; 2], segment: &mut Segment) {
    let first = value(noise, [6, 10, 15][wildness]);
    let (size, bits) = magnitude(if wildness < 2 { first - *last } else { first });
    *last = first;
    dc.put(size as u8, segment);
    segment.put(bits, size);
    let mut k = 1;
    let end = 1 + noise.below([6, 64, 64][wildness]);
    while k < end {
        let most = if noise.below(4) == 0 { 40 } else { 3 };
        let run = noise.below(most);
        if k + run >= end {
            break;
        }
        for _ in 0..run / 16 {
            ac.put(0xF0, segment);
        }
        let value = match value(noise, [3, 9, 15][wildness]) {
            0 => 1,
            value => value,
        };
        let (size, bits) = magnitude(value);
        ac.put((run % 16) as u8 * 16 + size as u8, segment);
        segment.put(bits, size);
        k += run + 1;
    }
    if k < 64 {
        ac.put(0, segment);
    }
}

pub fn make(kind: &Kind, noise: &mut Noise) -> Vec<u8> {
    let Kind { width, height, ref factors, .. } = *kind;
    let (most_across, most_down) = factors.iter().fold((1, 1), |most, f| (most.0.max(f.0), most.1.max(f.1)));
    let mut file = vec![0xFF, 0xD8];
    let mut steps = vec![0];
    for _ in 0..64 {
        let most = [8, 60, 255][noise.below(3)];
        steps.push(1 + noise.below(most) as u8);
    }
    file.extend(marker(0xDB, &steps));
    let mut frame = vec![8, (height >> 8) as u8, height as u8, (width >> 8) as u8, width as u8, factors.len() as u8];
    for (at, (across, down)) in factors.iter().enumerate() {
        frame.extend([at as u8 + 1, (across << 4 | down) as u8, 0]);
    }
    file.extend(marker(0xC1, &frame));
    let dc = Code::new((0..16).collect(), noise);
    let ac = Code::new((0..=255).filter(|symbol| symbol % 16 > 0 || matches!(symbol, 0 | 0xF0)).collect(), noise);
    file.extend(dc.segment(0));
    file.extend(ac.segment(0x10));
    file.extend(marker(0xDD, &(kind.restart as u16).to_be_bytes()));
    let all: Vec<usize> = (0..factors.len()).collect();
    let scans: Vec<Vec<usize>> = if kind.apart { all.iter().map(|at| vec![*at]).collect() } else { vec![all] };
    for parts in scans {
        let mut scan = vec![parts.len() as u8];
        for part in &parts {
            scan.extend([*part as u8 + 1, 0]);
        }
        scan.extend([0, 63, 0]);
        file.extend(marker(0xDA, &scan));
        let blocks = |side: usize, factor: usize, most: usize| (side * factor).div_ceil(most * 8);
        let mcus = if let [one] = parts[..] {
            blocks(width, factors[one].0, most_across) * blocks(height, factors[one].1, most_down)
        } else {
            width.div_ceil(8 * most_across) * height.div_ceil(8 * most_down)
        };
        let (mut segment, mut last) = (Segment::default(), [0; 3]);
        for mcu in 0..mcus {
            if kind.restart > 0 && mcu > 0 && mcu % kind.restart == 0 {
                segment.pad();
                segment.bytes.extend([0xFF, 0xD0 + ((mcu / kind.restart - 1) % 8) as u8]);
                last = [0; 3];
            }
            for part in &parts {
                let count = if parts.len() == 1 { 1 } else { factors[*part].0 * factors[*part].1 };
                for _ in 0..count {
                    block(noise, kind.wildness, &mut last[*part], [&dc, &ac], &mut segment);
                }
            }
        }
        segment.pad();
        file.extend(segment.bytes);
    }
    file.extend([0xFF, 0xD9]);
    file
}
