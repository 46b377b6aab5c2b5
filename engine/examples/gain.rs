//! gain ROUNDS FILE...: CPU time of decodes and of renditions, by this engine's decoder and by libjpeg's, one after the other. Of each file the best
//! round counts.

#[path = "common/both.rs"]
#[allow(dead_code)]
mod both;

use std::sync::atomic::AtomicI32;

use both::{SCALES, bounds, buffers, calls, plain};
use darkroom_engine::codecs::JpegSettings;
use darkroom_engine::reader::Reader;
use darkroom_engine::{Job, Kernels, Output, Part, render};

/// Nanoseconds on a CPU, of this process's one thread (proc(5), schedstat).
fn spent() -> f64 {
    let text = std::fs::read_to_string("/proc/self/schedstat").expect("Linux");
    text.split(' ').next().and_then(|number| number.parse().ok()).expect("a number")
}

fn reader<'a>(bytes: &'a [u8], own: bool, stop: &'a AtomicI32) -> (Reader<'a>, darkroom_engine::codecs::Header) {
    if own {
        Reader::open_own(bytes, bounds(stop), Kernels::best()).expect("a JPEG that this decoder takes")
    } else {
        Reader::open_by_libjpeg(bytes, bounds(stop)).expect("a JPEG")
    }
}

fn decode(bytes: &[u8], own: bool, eighths: u32) {
    let stop = AtomicI32::new(0);
    let (mut reader, _) = reader(bytes, own, &stop);
    let layout = reader.start(eighths).expect("a start");
    let mut planes = buffers(&layout);
    let mut to: Vec<&mut [u8]> = planes.iter_mut().map(Vec::as_mut_slice).collect();
    for _ in 0..calls(&layout) {
        reader.next(&mut to).expect("rows");
    }
    reader.finish().expect("an end");
}

/// Presets by name, box, whether it is filled, and output, as the server has them.
const PRESETS: [(&str, f64, f64, bool, Output); 4] = [
    ("thumb", 150.0, 150.0, true, Output::Webp { quality: 75, effort: 4 }),
    ("medium", 600.0, 600.0, false, Output::Webp { quality: 80, effort: 2 }),
    ("large", 1200.0, 1200.0, false, Output::Webp { quality: 85, effort: 2 }),
    ("og", 1200.0, 630.0, true, Output::Jpeg(JpegSettings { quality: 85, progressive: false, table: 3 })),
];

fn job((_, width, height, cover, output): (&str, f64, f64, bool, Output), stored: (u32, u32)) -> Job {
    let (w, h) = (f64::from(stored.0), f64::from(stored.1));
    let (across, down) = (w / width, h / height);
    let step = if cover { across.min(down) } else { across.max(down) }.max(1.0);
    let part = if cover {
        let (across, down) = (width * step, height * step);
        Part { left: (w - across) / 2.0, top: (h - down) / 2.0, width: across, height: down }
    } else {
        Part { left: 0.0, top: 0.0, width: w, height: h }
    };
    plain(stored, part, ((part.width / step).round() as usize, (part.height / step).round() as usize), output)
}

fn once(bytes: &[u8], own: bool, preset: (&str, f64, f64, bool, Output)) -> Vec<u8> {
    let stop = AtomicI32::new(0);
    let (reader, header) = reader(bytes, own, &stop);
    let job = job(preset, (header.width, header.height));
    render(reader, &header, &job, bounds(&stop), Kernels::best()).expect("a rendition").body
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let rounds: usize = arguments.next().and_then(|text| text.parse().ok()).expect("gain ROUNDS FILE...");
    let files: Vec<Vec<u8>> = arguments.map(|path| std::fs::read(path).expect("a file")).collect();
    let report = |name: &str, work: &dyn Fn(&[u8], bool)| {
        let mut sums = [0.0; 2];
        for bytes in &files {
            let mut best = [f64::INFINITY; 2];
            for _ in 0..rounds {
                for (own, best) in best.iter_mut().enumerate() {
                    let before = spent();
                    work(bytes, own == 1);
                    *best = best.min(spent() - before);
                }
            }
            for (sum, best) in sums.iter_mut().zip(best) {
                *sum += best / 1e6 / files.len() as f64;
            }
        }
        let [libjpeg, own] = sums;
        println!(
            "{name:>10}  libjpeg {libjpeg:7.2} ms  own {own:7.2} ms  {:5.1} % less",
            100.0 * (1.0 - own / libjpeg)
        );
    };
    for eighths in SCALES {
        report(&format!("{eighths}/8"), &|bytes, own| decode(bytes, own, eighths));
    }
    for preset in PRESETS {
        for bytes in &files {
            assert!(once(bytes, true, preset) == once(bytes, false, preset), "the renditions differ");
        }
        report(preset.0, &|bytes, own| drop(once(bytes, own, preset)));
    }
}
