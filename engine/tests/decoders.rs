//! This engine's decoder against libjpeg's: equal planes, or declined; never taken where libjpeg warns. More of the same: examples/decoders.rs.

#[path = "../examples/common/both.rs"]
#[allow(dead_code)]
mod both;
#[path = "../examples/common/maker.rs"]
#[allow(dead_code)]
mod maker;
#[path = "../examples/common/mutant.rs"]
mod mutant;

use both::{SCALES, compare};
use darkroom_engine::Kernels;
use maker::{Kind, make};
use mutant::{Noise, mutant};

fn photo() -> Vec<u8> {
    std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../samples/coffee.jpg")).expect("a sample")
}

#[test]
fn photos_are_equal() {
    let photo = photo();
    for eighths in SCALES {
        for kernels in [Kernels::best(), Kernels::Scalar] {
            assert_eq!(compare(&photo, eighths, kernels), Ok("equal"));
        }
    }
}

#[test]
fn noise_is_equal_whatever_its_sampling_size_and_tables() {
    let mut noise = Noise::new(1);
    for _ in 0..600 {
        let kind = Kind::of(&mut noise);
        let file = make(&kind, &mut noise);
        // A scan for each component is libjpeg's.
        let expected = if kind.apart && kind.factors.len() > 1 { "not taken" } else { "equal" };
        for eighths in SCALES {
            for kernels in [Kernels::best(), Kernels::Scalar] {
                assert_eq!(compare(&file, eighths, kernels), Ok(expected), "{kind:?} at {eighths}/8, {kernels:?}");
            }
        }
    }
}

#[test]
fn what_libjpeg_warns_of_is_declined() {
    let mut noise = Noise::new(2);
    let mut declined = 0;
    for nth in 0..6000 {
        let kind = Kind::of(&mut noise);
        let broken = mutant(&make(&kind, &mut noise), &mut noise);
        let eighths = SCALES[nth % 4];
        let end = compare(&broken, eighths, Kernels::best());
        assert!(end.is_ok(), "{end:?}: mutant {nth}, {kind:?} at {eighths}/8");
        declined += u32::from(end != Ok("equal"));
    }
    assert!(declined > 1000, "{declined} of 6000 declined");
}

#[test]
fn every_place_where_a_file_is_cut_off_is_seen() {
    let kind =
        Kind { width: 40, height: 40, factors: vec![(2, 2), (1, 1), (1, 1)], restart: 3, wildness: 1, apart: false };
    let file = make(&kind, &mut Noise::new(3));
    for length in 0..file.len() {
        let end = compare(&file[..length], 8, Kernels::best());
        assert!(end.is_ok() && end != Ok("equal"), "{end:?}: cut off after {length} of {}", file.len());
    }
}
