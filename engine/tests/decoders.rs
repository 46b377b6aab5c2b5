//! This engine's decoder against libjpeg's: equal planes, or declined; never taken where libjpeg warns. More of the same: examples/decoders.rs.

#[path = "../examples/common/both.rs"]
#[allow(dead_code)]
mod both;
#[path = "../examples/common/maker.rs"]
#[allow(dead_code)]
mod maker;
#[path = "../examples/common/mutant.rs"]
mod mutant;

use std::sync::atomic::AtomicI32;

use both::{SCALES, compare, compare_picture, plain};
use darkroom_engine::codecs::{Bounds, JpegSettings};
use darkroom_engine::reader::Reader;
use darkroom_engine::{Failure, Kernels, Output, Part, Source, run_within};
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
            assert_eq!(compare_picture(&photo, eighths, kernels), Ok("equal"));
        }
    }
}

/// A progressive JPEG of the sample, from a part of it.
fn progressive(width: usize, height: usize) -> Vec<u8> {
    let side = |side: usize, most: f64| (1.5 * side as f64).min(most);
    let part = Part { left: 0.0, top: 0.0, width: side(width, 600.0), height: side(height, 400.0) };
    let output = Output::Jpeg(JpegSettings { quality: 90, progressive: true, table: 3 });
    let job = plain((600, 400), part, (width, height), output);
    run_within(Source::File(&photo()), &job, &AtomicI32::new(0), 60_000, Kernels::best()).expect("a rendition").body
}

#[test]
fn progressive_photos_are_equal() {
    let mut noise = Noise::new(5);
    for (width, height) in [(1, 1), (7, 9), (17, 16), (33, 5), (120, 80), (301, 203)] {
        let file = progressive(width, height);
        for eighths in SCALES {
            for kernels in [Kernels::best(), Kernels::Scalar] {
                let end = compare_picture(&file, eighths, kernels);
                assert_eq!(end, Ok("equal"), "{width} x {height} at {eighths}/8");
            }
        }
        for nth in 0..300 {
            let end = compare(&mutant(&file, &mut noise), SCALES[nth % 4], Kernels::best());
            assert!(end.is_ok(), "{end:?}: mutant {nth} of {width} x {height}");
        }
    }
    let file = progressive(33, 5);
    for length in 0..file.len() {
        let end = compare(&file[..length], 8, Kernels::best());
        assert!(end.is_ok() && end != Ok("equal"), "{end:?}: cut off after {length} of {}", file.len());
    }
}

#[test]
fn scans_are_counted() {
    let (file, stop) = (progressive(17, 16), AtomicI32::new(0));
    let scans = file.windows(2).filter(|pair| *pair == [0xFF, 0xDA]).count() as i32;
    for (most, expected) in [(scans, None), (scans - 1, Some(Failure::Declined("scans")))] {
        let bounds = Bounds { scans: most, ..both::bounds(&stop) };
        let (mut reader, _) = Reader::open_own(&file, bounds, Kernels::best()).expect("a JPEG");
        assert_eq!(reader.start(8).err(), expected);
    }
}

#[test]
fn stops_between_rows_where_it_is_told_to_or_its_time_is_over() {
    let (stop, one_scan, many_scans) = (AtomicI32::new(1), photo(), progressive(301, 203));
    let go = AtomicI32::new(0);
    let late = Bounds { deadline: 0, ..both::bounds(&go) };
    for (bounds, expected) in [(both::bounds(&stop), Failure::Stopped), (late, Failure::TimedOut)] {
        let (mut reader, _) = Reader::open_own(&many_scans, bounds, Kernels::best()).expect("a JPEG");
        assert_eq!(reader.start(8).err(), Some(expected));
        let (mut reader, _) = Reader::open_own(&one_scan, bounds, Kernels::best()).expect("a JPEG");
        let mut planes = both::buffers(&reader.start(8).expect("a layout"));
        let mut to: Vec<&mut [u8]> = planes.iter_mut().map(Vec::as_mut_slice).collect();
        assert_eq!(reader.next(&mut to).err(), Some(expected));
    }
}

#[test]
fn noise_is_equal_whatever_its_sampling_size_and_tables() {
    let mut noise = Noise::new(1);
    for _ in 0..600 {
        let kind = Kind::of(&mut noise);
        let file = make(&kind, &mut noise);
        let compare = if kind.wildness == 0 { compare_picture } else { compare };
        for eighths in SCALES {
            for kernels in [Kernels::best(), Kernels::Scalar] {
                assert_eq!(compare(&file, eighths, kernels), Ok("equal"), "{kind:?} at {eighths}/8, {kernels:?}");
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

#[test]
fn each_kind_of_damage_is_seen() {
    let kind =
        Kind { width: 90, height: 40, factors: vec![(2, 1), (1, 1), (1, 1)], restart: 4, wildness: 1, apart: false };
    let file = make(&kind, &mut Noise::new(4));
    let place = |pair: [u8; 2]| file.windows(2).position(|at| at == pair).expect("a marker");
    let with = |at: usize, bytes: &[u8]| [&file[..at], bytes, &file[at..]].concat();
    let changed = |at: usize, to: u8| file.iter().enumerate().map(|(n, b)| if n == at { to } else { *b }).collect();
    let (end, restart, scan) = (file.len() - 2, place([0xFF, 0xD1]), place([0xFF, 0xDA]));
    let without_restart = [&file[..restart], &file[restart + 2..]].concat();
    let again = &file[scan..end];
    let mut cases: Vec<(&str, Vec<u8>)> = vec![
        ("another restart marker", changed(restart + 1, 0xD2)),
        ("no restart marker", without_restart),
        ("an end too soon", changed(restart + 1, 0xD9)),
        ("a JFIF of version 2", with(2, b"\xFF\xE0\0\x10JFIF\0\x02\0\0\0\x01\0\x01\0\0")),
        ("a transform that Adobe does not know", with(2, b"\xFF\xEE\0\x0EAdobe\0\x64\0\0\0\0\x07")),
        ("a second picture", with(2, b"\xFF\xD8")),
        ("a band of coefficients", changed(scan + 11, 5)),
        ("a scan behind the last", with(end, again)),
        ("a segment that is longer than the file", with(end, b"\xFF\xFE\x7F\xFF")),
        ("no end", file[..end].to_vec()),
        ("a marker of no kind", with(end, b"\xFF\x02\0\x02")),
    ];
    for count in [1, 2, 9, 20] {
        cases.push(("bytes before a restart marker", with(restart, &vec![0x55; count])));
        cases.push(("bytes before the end", with(end, &vec![0x55; count])));
        cases.push(("bytes before a segment", with(scan, &vec![0; count])));
    }
    assert_eq!(compare(&file, 8, Kernels::best()), Ok("equal"));
    assert_eq!(compare(&with(end, b"\xFF\xFF\xFF\xFE\0\x04hi"), 8, Kernels::best()), Ok("equal"), "ones that fill");
    assert_eq!(compare(&with(end, b"\xFF\xD2"), 8, Kernels::best()), Ok("equal"), "a restart marker at the end");
    for (name, broken) in cases {
        for eighths in SCALES {
            let end = compare(&broken, eighths, Kernels::best());
            assert!(end.is_ok() && end != Ok("equal"), "{end:?}: {name} at {eighths}/8");
        }
    }
}
