//! A JPEG decoder in safe Rust, from the bytes of a file to the planes that libjpeg gives, byte for byte. T.81 is the standard: ITU-T Rec. T.81
//! (1992). It takes less than libjpeg: what it does not take is libjpeg's, and what is damaged is declined.

mod bits;
mod markers;
mod plane;
mod progressive;
mod scan;
mod stored;
mod tables;
pub mod transforms;
#[cfg(target_arch = "x86_64")]
pub mod transforms_avx2;
#[cfg(target_arch = "aarch64")]
pub mod transforms_neon;

use crate::codecs::{Bounds, Header, Layout, passed};
use crate::lanczos::Kernels;
use crate::{DAMAGED, Failure};
use markers::{Markers, Next, Scan};
use scan::Sequential;
use stored::Stored;

/// Decodes one JPEG by rows of MCUs.
pub struct Decoder<'a> {
    bytes: &'a [u8],
    markers: Markers<'a>,
    scan: Scan,
    bounds: Bounds<'a>,
    kernels: Kernels,
    rows: Rows<'a>,
    layout: Layout,
}

/// Where rows come from.
enum Rows<'a> {
    NotStarted,
    /// One scan has all: they are decoded as they are asked for.
    Sequential(Box<Sequential<'a>>),
    /// All scans were read.
    Stored(Stored),
}

impl<'a> Decoder<'a> {
    /// None for a file that this decoder does not take.
    pub fn open(bytes: &'a [u8], bounds: Bounds<'a>, kernels: Kernels) -> Option<(Self, Header)> {
        let mut markers = Markers::new(bytes)?;
        let Next::Scan(scan) = markers.next()? else { return None };
        // Of a scan alone that lacks its tables, libjpeg takes the usual ones.
        let defined = scan.parts.iter().all(|part| {
            let there = |codes: &[Option<_>; 4], at: usize| codes.get(at).is_some_and(Option::is_some);
            (markers.frame.progressive || (there(&markers.dc, part.dc) && there(&markers.ac, part.ac)))
                && markers.steps_of(part.component).is_some()
        });
        if !defined {
            return None;
        }
        let header = markers.frame.header();
        Some((
            Self { bytes, markers, scan, bounds, kernels, rows: Rows::NotStarted, layout: Layout::default() },
            header,
        ))
    }

    /// Begins to decode at `eighths` of the size (1, 2, 4 or 8): once, right after `open`. Of pictures in several scans, all are read here.
    pub fn start(&mut self, eighths: u32) -> Result<Layout, Failure> {
        if !matches!(eighths, 1 | 2 | 4 | 8) {
            return Err(Failure::Declined("scale"));
        }
        let (sizes, layout) = plane::sizes(&self.markers.frame, eighths);
        let whole = self.scan.parts.len() == sizes.len()
            && (self.scan.first, self.scan.last, self.scan.before, self.scan.after) == (0, 63, 0, 0);
        self.rows = if whole && !self.markers.frame.progressive {
            Rows::Sequential(Box::new(Sequential::new(self.bytes, &self.markers, &self.scan, &sizes, self.kernels)?))
        } else {
            let (markers, scan) = (self.markers.clone(), self.scan.clone());
            Rows::Stored(Stored::new(self.bytes, markers, scan, &sizes, &self.bounds, self.kernels)?)
        };
        self.layout = layout;
        Ok(layout)
    }

    /// Decodes the next rows into a buffer for each plane, of `rows` times `stride` samples.
    pub fn next(&mut self, to: &mut [&mut [u8]]) -> Result<(), Failure> {
        passed(&self.bounds)?;
        let planes = self.layout.planes as usize;
        let room = |(at, to): (usize, &&mut [u8])| to.len() >= (self.layout.rows[at] * self.layout.stride[at]) as usize;
        assert!(to.len() == planes && to.iter().enumerate().all(room));
        match &mut self.rows {
            Rows::NotStarted => return Err(DAMAGED),
            Rows::Sequential(rows) => rows.next(to)?,
            Rows::Stored(rows) => rows.next(to),
        }
        Ok(())
    }

    /// Reads what follows the last row: the end of the file, and nothing that has pixels.
    pub fn finish(&mut self) -> Result<(), Failure> {
        let (code, at) = match &self.rows {
            Rows::NotStarted => return Err(DAMAGED),
            Rows::Sequential(rows) => rows.end().ok_or(DAMAGED)?,
            Rows::Stored(_) => return Ok(()),
        };
        match self.markers.resume(code, at) {
            Some(Next::End) => Ok(()),
            _ => Err(DAMAGED),
        }
    }
}
