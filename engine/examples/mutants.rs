//! mutants COUNT SEED FILE...: breaks copies of JPEGs and does jobs on them, with both kernels. Says how they ended; a fault ends the program.
//! Under AddressSanitizer, which then sees the C code and all memory: see README.md.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicI32;

use darkroom_engine::codecs::JpegSettings;
use darkroom_engine::{Failure, Job, Keep, Kernels, Output, Part, Source, eighths, hold_within, run_within};

struct Noise(u64);

impl Noise {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % most.max(1)
    }
}

/// Where the scan begins: half of all changes are in front of it, because that is where sizes and tables are.
fn head(file: &[u8]) -> usize {
    file.windows(2).position(|pair| pair == [0xFF, 0xDA]).map_or(file.len(), |at| at + 14).min(file.len())
}

fn mutant(file: &[u8], noise: &mut Noise) -> Vec<u8> {
    let mut broken = file.to_vec();
    let head = head(file);
    for _ in 0..1 + noise.below(3) {
        let within = if noise.below(2) == 0 { head } else { broken.len() };
        let at = noise.below(within.min(broken.len()));
        match noise.below(7) {
            0 if at < broken.len() => broken[at] ^= 1 << noise.below(8),
            1 if at < broken.len() => broken[at] = noise.below(256) as u8,
            2 if at + 1 < broken.len() => broken[at..at + 2].copy_from_slice(&[0xFF, 0xC0 + noise.below(64) as u8]),
            3 => {
                broken.truncate(at);
            }
            4 => {
                let end = (at + noise.below(64)).min(broken.len());
                broken.drain(at..end);
            }
            5 => {
                let bytes: Vec<u8> = (0..noise.below(32)).map(|_| noise.below(256) as u8).collect();
                broken.splice(at..at, bytes);
            }
            _ => {
                let from = noise.below(broken.len());
                let part = broken[from..(from + noise.below(200)).min(broken.len())].to_vec();
                broken.splice(at..at, part);
            }
        }
        if broken.is_empty() {
            break;
        }
    }
    broken
}

/// Width and height of the first frame header.
fn size(file: &[u8]) -> Option<(u32, u32)> {
    let at = file.windows(2).position(|pair| matches!(pair, [0xFF, 0xC0..=0xC2]))?;
    let word = |at: usize| Some(u32::from(*file.get(at)?) << 8 | u32::from(*file.get(at + 1)?));
    Some((word(at + 7)?, word(at + 5)?))
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number = || arguments.next().and_then(|text| text.parse::<u64>().ok()).expect("mutants COUNT SEED FILE...");
    let (count, seed) = (number(), number());
    let files: Vec<Vec<u8>> = arguments.map(|path| std::fs::read(path).expect("a file")).collect();
    assert!(!files.is_empty(), "mutants COUNT SEED FILE...");
    let mut noise = Noise(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let stop = AtomicI32::new(0);
    let mut ends = BTreeMap::new();
    for _ in 0..count {
        let broken = mutant(&files[noise.below(files.len())], &mut noise);
        // What src/render/formats/header.ts would have read of it.
        let (w, h) = size(&broken).unwrap_or((64, 64));
        if w == 0 || h == 0 || u64::from(w) * u64::from(h) > 20_000_000 {
            continue;
        }
        let output = match noise.below(3) {
            0 => Output::Webp { quality: 75, effort: 2 },
            1 => Output::Jpeg(JpegSettings { quality: 80, progressive: noise.below(2) == 0, table: 3 }),
            _ => Output::Pixels { half: noise.below(2) == 0 },
        };
        let (left, top) = (noise.below(w as usize / 4) as f64, noise.below(h as usize / 4) as f64);
        let side = |noise: &mut Noise, all: u32, from: f64| 1 + noise.below((all - from as u32).min(300) as usize);
        let (width, height) = (side(&mut noise, w, left), side(&mut noise, h, top));
        let orientation = 1 + noise.below(8) as u8;
        let (width, height) = if orientation >= 5 { (height, width) } else { (width, height) };
        let part = Part { left, top, width: f64::from(w) - left, height: f64::from(h) - top };
        let job = Job {
            stored: (w, h),
            part,
            width,
            height,
            orientation,
            output,
            by_look: false,
            keep_pixels: noise.below(2) == 0,
        };
        let run = |source, kernels| run_within(source, &job, &stop, 20_000, kernels);
        let [one, other] = [Kernels::best(), Kernels::Scalar].map(|kernels| run(Source::File(&broken), kernels));
        // What is kept of it gives the same, where nothing below the part is damaged.
        let eighths = eighths(&job);
        let keep = Keep { stored: (w, h), eighths, glance: eighths as usize, most: 100_000_000 };
        if let Ok(held) = hold_within(&broken, &keep, &stop, 20_000) {
            let kept = run(Source::Held(&held), Kernels::best());
            assert_eq!(kept.as_ref().map(|done| &done.body).ok(), one.as_ref().map(|done| &done.body).ok());
        }
        let end = match (one, other) {
            (Ok(one), Ok(other)) => {
                assert!(one.body == other.body && one.pixels == other.pixels, "the kernels differ");
                "done"
            }
            (Err(Failure::Declined("fault")), _) => panic!("a panic at the border"),
            (Err(one), Err(other)) => {
                assert_eq!(one, other);
                one.word()
            }
            _ => panic!("one of the kernels declined"),
        };
        *ends.entry(end).or_insert(0u64) += 1;
    }
    println!("{ends:?}");
}
