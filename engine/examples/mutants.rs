//! mutants COUNT SEED FILE...: breaks copies of JPEGs and does jobs on them, with both kernels. Says how they ended, and what was made beside;
//! a fault ends the program.
//! Under AddressSanitizer, which then sees the C code and all memory: see README.md.

#[path = "common/mutant.rs"]
mod mutant;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicI32;

use darkroom_engine::codecs::JpegSettings;
use darkroom_engine::profile::Conversion;
use darkroom_engine::{
    Done, Failure, Held, Job, Keep, Kernels, Outline, Output, Part, Sheet, Source, eighths, encode_within, hold_within,
    luma_within, run_within,
};
use mutant::{Noise, mutant};

/// Width and height of the first frame header.
fn size(file: &[u8]) -> Option<(u32, u32)> {
    let at = file.windows(2).position(|pair| matches!(pair, [0xFF, 0xC0..=0xC2]))?;
    let word = |at: usize| Some(u32::from(*file.get(at)?) << 8 | u32::from(*file.get(at + 1)?));
    Some((word(at + 7)?, word(at + 5)?))
}

/// Any that the engine takes.
fn colours(noise: &mut Noise) -> Conversion {
    let matrix: Vec<i32> = (0..9).map(|_| noise.below(80_001) as i32 - 40_000).collect();
    let curves: Vec<u16> = (0..768).map(|_| noise.below(16_385) as u16).collect();
    Conversion::new(&matrix, &curves).expect("numbers within bounds")
}

/// A detector's input of what is held; whether there was one.
fn look(held: &Held, job: &Job, noise: &mut Noise, stop: &AtomicI32) -> bool {
    let (width, height) = (1 + noise.below(job.width), 1 + noise.below(job.height));
    let output = Output::Pixels { half: false };
    let small = Job { width, height, output, keep: false, sharpen: 0.0, outline: None, ..job.clone() };
    let [one, other] = [Kernels::best(), Kernels::Scalar].map(|kernels| {
        let done = run_within(Source::Glance(held), &small, stop, 20_000, kernels);
        done.and_then(Done::with_alpha).map(|done| done.body)
    });
    assert_eq!(one, other);
    assert!(!matches!(one, Err(Failure::Declined("fault"))), "a panic at the border");
    one.is_ok()
}

/// A file of pixels that were made.
fn written(pixels: &[u8], job: &Job, noise: &mut Noise, stop: &AtomicI32) {
    let sheet = Sheet { pixels, width: job.width, height: job.height, channels: 3 };
    let output = match noise.below(2) {
        0 => Output::Webp { quality: 75, effort: 2 },
        _ => Output::Jpeg(JpegSettings { quality: 80, progressive: false, table: 3 }),
    };
    let file = encode_within(&sheet, output, stop, 20_000).expect("pixels are whole");
    if matches!(output, Output::Webp { .. }) {
        luma_within(&file, job.width, job.height).expect("its own file");
    }
}

/// Something smaller, of what both kernels kept.
fn from_kept([one, other]: [&Held; 2], job: &Job, noise: &mut Noise, stop: &AtomicI32) {
    let (width, height) = (1 + noise.below(job.width), 1 + noise.below(job.height));
    let output = match noise.below(3) {
        0 => Output::Webp { quality: 75, effort: 2 },
        1 => Output::Pixels { half: false },
        _ => Output::Jpeg(JpegSettings { quality: 80, progressive: false, table: 3 }),
    };
    let smaller = Job { width, height, output, keep: true, ..job.clone() };
    let best = run_within(Source::Held(one), &smaller, stop, 20_000, Kernels::best());
    let scalar = run_within(Source::Held(other), &smaller, stop, 20_000, Kernels::Scalar);
    assert_eq!(best.as_ref().map(|done| &done.body), scalar.as_ref().map(|done| &done.body));
    assert!(!matches!(best, Err(Failure::Declined("fault"))), "a panic at the border");
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number = || arguments.next().and_then(|text| text.parse::<u64>().ok()).expect("mutants COUNT SEED FILE...");
    let (count, seed) = (number(), number());
    let files: Vec<Vec<u8>> = arguments.map(|path| std::fs::read(path).expect("a file")).collect();
    assert!(!files.is_empty(), "mutants COUNT SEED FILE...");
    let mut noise = Noise::new(seed);
    let stop = AtomicI32::new(0);
    let (mut ends, mut beside) = (BTreeMap::new(), BTreeMap::new());
    for _ in 0..count {
        let broken = mutant(&files[noise.below(files.len())], &mut noise);
        // What src/render/formats/header.ts would have read of it.
        let (w, h) = size(&broken).unwrap_or((64, 64));
        if w == 0 || h == 0 || u64::from(w) * u64::from(h) > 20_000_000 {
            continue;
        }
        let output = match noise.below(4) {
            3 => Output::Nothing,
            0 => Output::Webp { quality: 75, effort: 2 },
            1 => Output::Jpeg(JpegSettings { quality: 80, progressive: noise.below(2) == 0, table: 3 }),
            _ if noise.below(3) == 0 => Output::Planes,
            _ => Output::Pixels { half: noise.below(2) == 0 },
        };
        // All of a picture can be kept.
        let most = if noise.below(2) == 0 { 0 } else { 4 };
        let (left, top) = match most {
            0 => (0.0, 0.0),
            part => (noise.below(w as usize / part) as f64, noise.below(h as usize / part) as f64),
        };
        let side = |noise: &mut Noise, all: u32, from: f64| 1 + noise.below((all - from as u32).min(300) as usize);
        let (width, height) = (side(&mut noise, w, left), side(&mut noise, h, top));
        let orientation = 1 + noise.below(8) as u8;
        let (width, height) = if orientation >= 5 { (height, width) } else { (width, height) };
        let part = Part { left, top, width: f64::from(w) - left, height: f64::from(h) - top };
        let outline = (!matches!(output, Output::Pixels { .. }) && noise.below(3) == 0).then(|| Outline {
            half: [width as f64 / 2.0, height as f64 / 2.0],
            radius: noise.below(1 + width.min(height) / 2) as f64,
            ground: matches!(output, Output::Jpeg(_)).then_some([255, 0, 100]),
        });
        let job = Job {
            stored: (w, h),
            part,
            width,
            height,
            orientation,
            output,
            colours: (noise.below(3) == 0).then(|| colours(&mut noise)),
            by_look: false,
            keep: noise.below(2) == 0,
            sharpen: if matches!(output, Output::Pixels { .. }) { 0.0 } else { noise.below(3) as f64 / 10.0 },
            outline,
        };
        let run = |source, kernels| run_within(source, &job, &stop, 20_000, kernels);
        let [one, other] = [Kernels::best(), Kernels::Scalar].map(|kernels| run(Source::File(&broken), kernels));
        // What is kept of it gives the same, where nothing below the part is damaged.
        let eighths = eighths(&job);
        let keep = Keep { stored: (w, h), eighths, glance: eighths as usize, most: 100_000_000 };
        if let Ok(held) = hold_within(&broken, &keep, &stop, 20_000, Kernels::best()) {
            let kept = run(Source::Held(&held), Kernels::best());
            assert_eq!(kept.as_ref().map(|done| &done.body).ok(), one.as_ref().map(|done| &done.body).ok());
            *beside.entry("held").or_insert(0u64) += 1;
            *beside.entry("looks").or_insert(0) += u64::from(look(&held, &job, &mut noise, &stop));
        }
        let end = match (one, other) {
            (Ok(one), Ok(other)) => {
                assert!(one.body == other.body && one.alpha == other.alpha, "the kernels differ");
                if let (Some(one), Some(other)) = (&one.held, &other.held) {
                    from_kept([one, other], &job, &mut noise, &stop);
                    *beside.entry("siblings").or_insert(0) += 1;
                }
                if matches!(job.output, Output::Pixels { .. }) {
                    written(&one.body, &job, &mut noise, &stop);
                    *beside.entry("written pixels").or_insert(0) += 1;
                }
                *beside.entry("profiles").or_insert(0) += u64::from(job.colours.is_some());
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
    println!("{ends:?}\nof those that were done: {beside:?}");
}
