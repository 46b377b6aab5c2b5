//! A JPEG that is decoded by rows: by the decoder of this engine, or by libjpeg where that does not take it. Both give the same planes.

use crate::codecs::{Bounds, Header, Layout, LibjpegReader};
use crate::jpeg::Decoder;
use crate::lanczos::Kernels;
use crate::{DAMAGED, Failure};

pub enum Reader<'a> {
    Own(Box<Decoder<'a>>),
    Libjpeg(LibjpegReader<'a>),
}

impl<'a> Reader<'a> {
    /// None where this engine's decoder does not take a file.
    pub fn open_own(bytes: &'a [u8], bounds: Bounds<'a>, kernels: Kernels) -> Option<(Self, Header)> {
        Decoder::open(bytes, bounds, kernels).map(|(decoder, header)| (Self::Own(Box::new(decoder)), header))
    }

    pub fn open_by_libjpeg(bytes: &'a [u8], bounds: Bounds<'a>) -> Result<(Self, Header), Failure> {
        LibjpegReader::open(bytes, bounds).map(|(reader, header)| (Self::Libjpeg(reader), header))
    }

    /// Begins to decode at `eighths` of the size, of which libjpeg's fast transforms are 1, 2, 4 and 8: once, right after `open`.
    pub fn start(&mut self, eighths: u32) -> Result<Layout, Failure> {
        match self {
            Self::Own(decoder) => decoder.start(eighths),
            Self::Libjpeg(reader) => reader.start(eighths),
        }
    }

    /// Decodes the next row of MCUs into a buffer for each plane, of `rows` times `stride` samples.
    pub fn next(&mut self, to: &mut [&mut [u8]]) -> Result<(), Failure> {
        match self {
            Self::Own(decoder) => decoder.next(to),
            Self::Libjpeg(reader) => reader.next(to),
        }
    }

    /// Reads what follows the last row.
    pub fn finish(&mut self) -> Result<(), Failure> {
        match self {
            Self::Own(decoder) => decoder.finish(),
            Self::Libjpeg(reader) => reader.finish(),
        }
    }
}

/// What `work` makes of a JPEG that was opened. What this engine's decoder does not take or finds damaged is libjpeg's to judge, which lets some
/// damage pass.
pub fn by_either<'a, T>(
    bytes: &'a [u8],
    bounds: Bounds<'a>,
    kernels: Kernels,
    work: impl Fn(Reader<'a>, Header) -> Result<T, Failure>,
) -> Result<T, Failure> {
    if let Some((reader, header)) = Reader::open_own(bytes, bounds, kernels) {
        match work(reader, header) {
            Err(failure) if failure == DAMAGED => {}
            end => return end,
        }
    }
    let (reader, header) = Reader::open_by_libjpeg(bytes, bounds)?;
    work(reader, header)
}
