//! libjpeg and libwebp behind safe calls. The one file that calls C.

use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::atomic::AtomicI32;

use libwebp_sys as webp;
// For its build of libjpeg, to which csrc/jpeg.c is linked.
use mozjpeg_sys as _;

use crate::Failure;
use crate::planes::Planes;

/// How long a job may take, and the flag by which it is stopped.
#[derive(Clone, Copy)]
pub struct Bounds<'a> {
    pub stop: &'a AtomicI32,
    /// Milliseconds of the monotonic clock, see `now`.
    pub deadline: u64,
    pub scans: i32,
}

/// As csrc/jpeg.c has it.
#[repr(C)]
#[derive(Clone, Copy, Default, Debug)]
pub struct Header {
    pub width: u32,
    pub height: u32,
    pub components: u32,
    pub colours: u32,
    pub precision: u32,
    pub arithmetic: u32,
    pub across: [u32; 4],
    pub down: [u32; 4],
}

/// As csrc/jpeg.c has it.
#[repr(C)]
#[derive(Clone, Copy, Default, Debug)]
pub struct Layout {
    pub planes: u32,
    /// Samples of a decoded row, and how many of these are the picture's.
    pub stride: [u32; 3],
    pub width: [u32; 3],
    pub height: [u32; 3],
    /// Rows that each call of `next` writes.
    pub rows: [u32; 3],
}

unsafe extern "C" {
    fn dk_now() -> u64;
    fn dk_open(
        bytes: *const u8,
        length: usize,
        stop: *const i32,
        deadline: u64,
        scans: i32,
        header: *mut Header,
        status: *mut c_int,
    ) -> *mut c_void;
    fn dk_start(reader: *mut c_void, eighths: u32, layout: *mut Layout) -> c_int;
    fn dk_next(reader: *mut c_void, to: *const *mut u8, layout: *const Layout) -> c_int;
    fn dk_finish(reader: *mut c_void) -> c_int;
    fn dk_close(reader: *mut c_void);
    fn dk_encode(
        planes: *const *const u8,
        stride: u32,
        width: u32,
        height: u32,
        quality: c_int,
        progressive: c_int,
        table: c_int,
        stop: *const i32,
        deadline: u64,
        out: *mut *mut u8,
        length: *mut usize,
    ) -> c_int;
    fn dk_free(file: *mut u8);
}

fn outcome(status: c_int) -> Result<(), Failure> {
    match status {
        0 => Ok(()),
        2 => Err(Failure::Stopped),
        3 => Err(Failure::TimedOut),
        4 => Err(Failure::Declined("scans")),
        5 => Err(Failure::Declined("memory")),
        _ => Err(crate::DAMAGED),
    }
}

/// Milliseconds of the monotonic clock.
pub fn now() -> u64 {
    // SAFETY: reads a clock.
    unsafe { dk_now() }
}

/// Decodes one JPEG by rows of MCUs: see `reader::Reader`.
pub struct LibjpegReader<'a> {
    raw: *mut c_void,
    layout: Layout,
    /// Read for as long as libjpeg is.
    _bytes: &'a [u8],
    _bounds: Bounds<'a>,
}

impl Drop for LibjpegReader<'_> {
    fn drop(&mut self) {
        // SAFETY: made by dk_open, and closed once.
        unsafe { dk_close(self.raw) }
    }
}

impl<'a> LibjpegReader<'a> {
    pub fn open(bytes: &'a [u8], bounds: Bounds<'a>) -> Result<(Self, Header), Failure> {
        let (mut header, mut status) = (Header::default(), 0);
        // SAFETY: bytes and flag live as long as the reader, which borrows both.
        let raw = unsafe {
            dk_open(
                bytes.as_ptr(),
                bytes.len(),
                bounds.stop.as_ptr(),
                bounds.deadline,
                bounds.scans,
                &mut header,
                &mut status,
            )
        };
        if raw.is_null() {
            return Err(Failure::Declined("memory"));
        }
        let reader = Self { raw, layout: Layout::default(), _bytes: bytes, _bounds: bounds };
        outcome(status)?;
        Ok((reader, header))
    }

    /// Begins to decode at `eighths` of the size: once, right after `open`.
    pub fn start(&mut self, eighths: u32) -> Result<Layout, Failure> {
        let mut layout = Layout::default();
        // SAFETY: an open reader; libjpeg refuses a second start by an error.
        outcome(unsafe { dk_start(self.raw, eighths.clamp(1, 8), &mut layout) })?;
        self.layout = layout;
        Ok(layout)
    }

    /// Decodes the next row of MCUs into a buffer for each plane, of `rows` times `stride` samples.
    pub fn next(&mut self, to: &mut [&mut [u8]]) -> Result<(), Failure> {
        let planes = self.layout.planes as usize;
        assert!(planes >= 1 && to.len() == planes);
        let mut starts = [ptr::null_mut(); 3];
        for (plane, rows) in to.iter_mut().enumerate() {
            let needed = self.layout.rows[plane] as usize * self.layout.stride[plane] as usize;
            assert!(rows.len() >= needed);
            starts[plane] = rows.as_mut_ptr();
        }
        // SAFETY: each buffer has room for what libjpeg writes, which is what `start` has told.
        outcome(unsafe { dk_next(self.raw, starts.as_ptr(), &self.layout) })
    }

    /// Reads what follows the last row.
    pub fn finish(&mut self) -> Result<(), Failure> {
        // SAFETY: an open reader.
        outcome(unsafe { dk_finish(self.raw) })
    }
}

/// How a JPEG is written. `table`: of mozjpeg's tables of quantisers.
#[derive(Clone, Copy, Debug)]
pub struct JpegSettings {
    pub quality: u8,
    pub progressive: bool,
    pub table: u8,
}

/// A JPEG of full-range planes.
pub fn write_jpeg(planes: &Planes, settings: JpegSettings, bounds: Bounds) -> Result<Vec<u8>, Failure> {
    let starts = [planes.luma.as_ptr(), planes.cb.as_ptr(), planes.cr.as_ptr()];
    assert!(planes.is_whole() && planes.stride.is_multiple_of(16));
    let (mut out, mut length) = (ptr::null_mut(), 0);
    // SAFETY: the planes are as large as they say, filled up to whole MCUs.
    let status = unsafe {
        dk_encode(
            starts.as_ptr(),
            planes.stride as u32,
            planes.width as u32,
            planes.height as u32,
            c_int::from(settings.quality),
            c_int::from(settings.progressive),
            c_int::from(settings.table),
            bounds.stop.as_ptr(),
            bounds.deadline,
            &mut out,
            &mut length,
        )
    };
    let file = if status == 0 && !out.is_null() {
        // SAFETY: dk_encode says how many bytes it wrote there.
        unsafe { std::slice::from_raw_parts(out, length) }.to_vec()
    } else {
        Vec::new()
    };
    // SAFETY: made by malloc, or null.
    unsafe { dk_free(out) };
    outcome(status).map(|()| file)
}

/// Asked by libwebp between rows of macroblocks: 0 ends the encode.
unsafe extern "C" fn go_on(_percent: c_int, picture: *const webp::WebPPicture) -> c_int {
    // SAFETY: `write_webp` puts bounds there that outlive the encode.
    let bounds = unsafe { &*(*picture).user_data.cast::<Bounds>() };
    c_int::from(passed(bounds).is_ok())
}

/// Whether a job may go on.
pub fn passed(bounds: &Bounds) -> Result<(), Failure> {
    if bounds.stop.load(std::sync::atomic::Ordering::Relaxed) != 0 {
        return Err(Failure::Stopped);
    }
    if now() >= bounds.deadline { Err(Failure::TimedOut) } else { Ok(()) }
}

/// How much decoders smooth the edges of blocks, 0 to 100, which takes no bytes. libwebp has 60: SSIM and PSNR of photos grow up to here, see README.md.
const DEBLOCKING: c_int = 100;

/// A WebP of limited-range planes. `quality` and `effort` are libwebp's own; `alpha`: of each pixel, without padding.
pub fn write_webp(
    planes: &Planes,
    alpha: Option<&[u8]>,
    quality: f32,
    effort: u8,
    bounds: Bounds,
) -> Result<Vec<u8>, Failure> {
    assert!(planes.is_whole() && alpha.is_none_or(|alpha| alpha.len() >= planes.width * planes.height));
    let abi = webp::WEBP_ENCODER_ABI_VERSION as c_int;
    // SAFETY: plain C structures, which libwebp's own functions fill in; the planes are as large as they say, and only read.
    unsafe {
        let mut config: webp::WebPConfig = std::mem::zeroed();
        let mut picture: webp::WebPPicture = std::mem::zeroed();
        let mut writer: webp::WebPMemoryWriter = std::mem::zeroed();
        let preset = webp::WebPPreset::WEBP_PRESET_DEFAULT;
        let known = webp::WebPConfigInitInternal(&mut config, preset, quality, abi) != 0
            && webp::WebPPictureInitInternal(&mut picture, abi) != 0;
        if !known {
            return Err(Failure::Declined("libwebp"));
        }
        config.method = c_int::from(effort);
        config.filter_strength = DEBLOCKING;
        picture.use_argb = 0;
        picture.colorspace = webp::WebPEncCSP::WEBP_YUV420;
        (picture.width, picture.height) = (planes.width as c_int, planes.height as c_int);
        (picture.y_stride, picture.uv_stride) = (planes.stride as c_int, planes.stride as c_int / 2);
        picture.y = planes.luma.as_ptr().cast_mut();
        picture.u = planes.cb.as_ptr().cast_mut();
        picture.v = planes.cr.as_ptr().cast_mut();
        if let Some(alpha) = alpha {
            picture.colorspace = webp::WebPEncCSP::WEBP_YUV420A;
            (picture.a, picture.a_stride) = (alpha.as_ptr().cast_mut(), planes.width as c_int);
            // Else libwebp would write into the planes.
            config.exact = 1;
        }
        picture.progress_hook = Some(go_on);
        picture.user_data = ptr::from_ref(&bounds).cast_mut().cast();
        webp::WebPMemoryWriterInit(&mut writer);
        picture.writer = Some(webp::WebPMemoryWrite);
        picture.custom_ptr = ptr::from_mut(&mut writer).cast();
        let file = if webp::WebPEncode(&config, &mut picture) != 0 && !writer.mem.is_null() {
            Ok(std::slice::from_raw_parts(writer.mem, writer.size).to_vec())
        } else {
            passed(&bounds).and(Err(Failure::Declined("libwebp")))
        };
        webp::WebPMemoryWriterClear(&mut writer);
        file
    }
}

/// The brightness of a WebP of this size, of limited range and without padding. Of an animation it is none.
pub fn read_webp_luma(file: &[u8], width: usize, height: usize) -> Result<Vec<u8>, Failure> {
    let half = width.div_ceil(2) * height.div_ceil(2);
    let (mut luma, mut chroma) = (crate::zeros(width * height)?, crate::zeros(2 * half)?);
    let (cb, cr) = chroma.split_at_mut(half);
    let (mut real_width, mut real_height) = (0, 0);
    // SAFETY: libwebp reads the file and no more of it, and writes into buffers as large as it is told; what has another size fails.
    let whole = unsafe {
        let known = webp::WebPGetInfo(file.as_ptr(), file.len(), &mut real_width, &mut real_height) != 0;
        known
            && (real_width as usize, real_height as usize) == (width, height)
            && !webp::WebPDecodeYUVInto(
                file.as_ptr(),
                file.len(),
                luma.as_mut_ptr(),
                luma.len(),
                width as c_int,
                cb.as_mut_ptr(),
                cb.len(),
                width.div_ceil(2) as c_int,
                cr.as_mut_ptr(),
                cr.len(),
                width.div_ceil(2) as c_int,
            )
            .is_null()
    };
    if whole { Ok(luma) } else { Err(Failure::Declined("libwebp")) }
}
