//! decoders COUNT SEED FILE...: decodes whole JPEGs, COUNT broken copies of them and as many JPEGs of noise, of which half are broken, by
//! this engine's decoder and by libjpeg's. Says how they ended; a difference is written to a file and ends the program. See README.md.

#[path = "common/both.rs"]
mod both;
#[path = "common/maker.rs"]
mod maker;
#[path = "common/mutant.rs"]
mod mutant;

use std::collections::BTreeMap;

use both::{SCALES, compare};
use darkroom_engine::Kernels;
use maker::{Kind, make};
use mutant::{Noise, mutant};

fn main() {
    const USAGE: &str = "decoders COUNT SEED FILE...";
    let mut arguments = std::env::args().skip(1);
    let mut number = || arguments.next().and_then(|text| text.parse::<u64>().ok()).expect(USAGE);
    let (count, seed) = (number(), number());
    let paths: Vec<String> = arguments.collect();
    let files: Vec<Vec<u8>> = paths.iter().map(|path| std::fs::read(path).expect("a file")).collect();
    assert!(!files.is_empty(), "{USAGE}");
    let check = |bytes: &[u8], eighths: u32, kernels: Kernels, name: &str| match compare(bytes, eighths, kernels) {
        Ok(end) => end,
        Err(fault) => {
            let path = std::env::temp_dir().join("decoders-fault.jpg");
            std::fs::write(&path, bytes).expect("a folder for temporary files");
            panic!("{fault}: {name} at {eighths}/8, {kernels:?}, kept as {}", path.display());
        }
    };
    let mut ends = BTreeMap::new();
    for (file, path) in files.iter().zip(&paths) {
        for eighths in SCALES {
            for kernels in [Kernels::best(), Kernels::Scalar] {
                *ends.entry(check(file, eighths, kernels, path)).or_insert(0u64) += 1;
            }
        }
    }
    println!("whole: {ends:?}");
    let mut noise = Noise::new(seed);
    let mut ends = BTreeMap::new();
    for nth in 0..count {
        let broken = mutant(&files[noise.below(files.len())], &mut noise);
        let eighths = SCALES[noise.below(4)];
        let kernels = if noise.below(4) == 0 { Kernels::Scalar } else { Kernels::best() };
        *ends.entry(check(&broken, eighths, kernels, &format!("mutant {nth}"))).or_insert(0u64) += 1;
    }
    println!("broken: {ends:?}");
    let mut ends = [BTreeMap::new(), BTreeMap::new()];
    for nth in 0..count {
        let kind = Kind::of(&mut noise);
        let made = make(&kind, &mut noise);
        let broken = noise.below(2);
        let file = if broken == 1 { mutant(&made, &mut noise) } else { made };
        let eighths = SCALES[noise.below(4)];
        *ends[broken].entry(check(&file, eighths, Kernels::best(), &format!("noise {nth}"))).or_insert(0u64) += 1;
    }
    println!("noise: {:?}, broken: {:?}", ends[0], ends[1]);
}
