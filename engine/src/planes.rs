//! A part of a JPEG, decoded and scaled plane by plane and row by row: only rows that a row of the result needs are held.

use crate::codecs::{self, Bounds, Header, Layout};
use crate::held::{Held, MOST_REACH};
use crate::lanczos::{self, BITS, Kernels, LANES, ROWS, Range, Sample, Taps};
use crate::profile::Conversion;
use crate::reader::Reader;
use crate::{DAMAGED, Failure, Job, Output, filled, zeros};

/// Where the samples of decoded planes lie, and what their levels are.
#[derive(Clone, Copy, Debug)]
pub struct Grid {
    pub layout: Layout,
    /// Samples of each plane for each pixel of the original, across and down.
    pub per_pixel: [[f64; 2]; 3],
    pub levels: [Range; 3],
}

impl Grid {
    /// Of a file that is decoded.
    pub fn of_file(layout: &Layout, header: &Header) -> Self {
        let planes = layout.planes as usize;
        let most = |factors: &[u32; 4]| factors[..planes].iter().copied().max().unwrap_or(1);
        let (across, down) = (most(&header.across), most(&header.down));
        let per_pixel = std::array::from_fn(|plane| {
            let eighths = f64::from(layout.rows[plane] / header.down[plane].max(1));
            let of = |factor: u32, most: u32| eighths / 8.0 * f64::from(factor) / f64::from(most);
            [of(header.across[plane], across), of(header.down[plane], down)]
        });
        Self { layout: *layout, per_pixel, levels: [Range::FULL; 3] }
    }
}

/// BT.601 as in JFIF, upright, 4:2:0; of limited range for WebP. Chroma rows lie `stride / 2` apart.
pub struct Planes {
    pub width: usize,
    pub height: usize,
    /// Rows are filled up to it with their last sample.
    pub stride: usize,
    pub luma: Vec<u8>,
    pub cb: Vec<u8>,
    pub cr: Vec<u8>,
}

impl Planes {
    /// Whether all samples are there that the sizes promise.
    pub fn is_whole(&self) -> bool {
        let (luma, chroma) = (self.stride * self.height, self.stride / 2 * self.height.div_ceil(2));
        let within = 0 < self.width && self.width <= self.stride && self.stride.is_multiple_of(2) && self.height > 0;
        within && self.luma.len() >= luma && self.cb.len() >= chroma && self.cr.len() >= chroma
    }
}

impl Planes {
    /// What rows are filled up with, anew.
    pub fn fill_up(&mut self) {
        let (width, stride) = (self.width, self.stride);
        for (plane, width, stride) in [
            (&mut self.luma, width, stride),
            (&mut self.cb, width.div_ceil(2), stride / 2),
            (&mut self.cr, width.div_ceil(2), stride / 2),
        ] {
            for row in plane.chunks_exact_mut(stride) {
                let last = row[width - 1];
                row[width..].fill(last);
            }
        }
    }

    /// Behind each other, without what rows are filled up with.
    pub fn packed(&self) -> Result<Vec<u8>, Failure> {
        let (width, height) = (self.width.div_ceil(2), self.height.div_ceil(2));
        let mut all = zeros(self.width * self.height + 2 * width * height)?;
        let (luma, chroma) = all.split_at_mut(self.width * self.height);
        let (cb, cr) = chroma.split_at_mut(width * height);
        let half = self.stride / 2;
        for (to, from, width, stride) in
            [(luma, &self.luma, self.width, self.stride), (cb, &self.cb, width, half), (cr, &self.cr, width, half)]
        {
            for (to, from) in to.chunks_exact_mut(width).zip(from.chunks_exact(stride)) {
                to.copy_from_slice(&from[..width]);
            }
        }
        Ok(all)
    }
}

/// A plane of the result, not upright yet.
pub struct Scaled {
    pub width: usize,
    pub height: usize,
    /// Some samples more than there are.
    pub data: Vec<u8>,
}

/// How large the chroma of a result is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Chroma {
    Half,
    Full,
}

/// What is left of a step across or down after libjpeg has scaled. Beyond it, a picture is much narrower than it was, and its rows would be
/// held by the hundred.
const MOST_STEP: f64 = 64.0;
/// What must be left to shrink for libjpeg to decode at so many eighths of the size, whose transforms are the fast ones. With these, SSIM
/// at equal bytes is that of sharp, which decides by whole numbers: at a half, less would soften large results.
const LEAST_STEP: [(u32, f64); 3] = [(1, 1.25), (2, 1.25), (4, 1.5)];

/// Pixels of the original for one of the result, across and down.
fn steps(job: &Job) -> [f64; 2] {
    let (width, height) = job.scaled();
    [job.part.width / width as f64, job.part.height / height as f64]
}

/// The same, whichever is less.
pub fn step(job: &Job) -> f64 {
    let [across, down] = steps(job);
    across.min(down)
}

pub fn eighths(job: &Job) -> u32 {
    let step = step(job);
    let fits = |(eighths, least): &&(u32, f64)| step * f64::from(*eighths) / 8.0 >= *least;
    LEAST_STEP.iter().find(fits).map_or(8, |(eighths, _)| *eighths)
}

/// What is left to shrink of planes that are kept. A hair below one is rounding.
const LEAST_HELD_STEP: f64 = 0.99;

/// Rows below a part that are read all the same, because sharp reads some: a file that is damaged there is sharp's to judge.
const READ_AHEAD: usize = 24;

/// One plane on its way.
struct Flow {
    stride: usize,
    rows_per_read: usize,
    real_height: usize,
    width: usize,
    height: usize,
    across: Taps,
    down: Taps,
    /// The first column and row of what is neither scaled nor moved by a part of a sample.
    copies: Option<[usize; 2]>,
    /// By how much levels are multiplied there, in parts of 2^BITS.
    factor: i32,
    /// What libjpeg writes: some rows, and room for what the last one's coefficients of zero reach.
    read: Vec<u8>,
    four: Vec<i16>,
    /// Rows that were scaled across, row n at n modulo their number.
    ring: Vec<i16>,
    ring_stride: usize,
    ring_rows: usize,
    /// One behind the last row that was scaled across.
    have: usize,
    done: usize,
    beginning: i32,
    out: Vec<u8>,
}

/// Of a plane's result: from where in the original, how far for each sample, and how many.
#[derive(Clone, Copy, PartialEq)]
struct Span {
    from: f64,
    step: f64,
    size: usize,
    sample: Sample,
}

/// What taps are computed from: a span, its scale, their limit and multiple, and their sum.
type TapsFor = (Span, f64, usize, usize, f64);

/// The taps of the planes before: both of chroma have the same.
#[derive(Default)]
struct KnownTaps(Vec<(TapsFor, Taps)>);

impl KnownTaps {
    /// `scale`: samples of the plane for each pixel of the original.
    fn of(&mut self, span: Span, scale: f64, limit: usize, multiple: usize, sum: f64) -> Taps {
        let key = (span, scale, limit, multiple, sum);
        if let Some((_, taps)) = self.0.iter().find(|(known, _)| *known == key) {
            return taps.clone();
        }
        let taps = Taps::new(span.size, span.from * scale, span.step * scale, limit, multiple, sum, span.sample);
        self.0.push((key, taps.clone()));
        taps
    }
}

/// The first of samples that a span takes as they are; none where it does not.
fn copied(span: Span, scale: f64, limit: usize) -> Option<usize> {
    const ROUNDING: f64 = 1e-6;
    let (from, step) = (span.from * scale, span.step * scale);
    let first = from.round();
    let exact = (step - 1.0).abs() * span.size as f64 <= ROUNDING && (from - first).abs() <= ROUNDING && first >= 0.0;
    (exact && first as usize + span.size <= limit).then_some(first as usize)
}

impl Flow {
    /// Without room for what is read.
    fn new(
        plane: usize,
        grid: &Grid,
        [x, y]: [Span; 2],
        range: Range,
        room: usize,
        taps: &mut KnownTaps,
    ) -> Result<Self, Failure> {
        let layout = &grid.layout;
        let (real_width, real_height) = (layout.width[plane] as usize, layout.height[plane] as usize);
        let [kx, ky] = grid.per_pixel[plane];
        if real_width == 0 || real_height == 0 || x.step * kx > MOST_STEP || y.step * ky > MOST_STEP {
            return Err(Failure::Declined("size"));
        }
        let across = taps.of(x, kx, real_width, 16, 1.0);
        let down = taps.of(y, ky, real_height, 1, range.scale);
        let (stride, rows_per_read) = (layout.stride[plane] as usize, layout.rows[plane] as usize);
        let ring_stride = x.size.next_multiple_of(LANES);
        let ring_rows = down.count + ROWS;
        Ok(Self {
            stride,
            rows_per_read,
            real_height,
            width: x.size,
            height: y.size,
            read: Vec::new(),
            four: zeros(ROWS * ring_stride)?,
            ring: zeros(ring_rows * ring_stride)?,
            ring_stride,
            ring_rows,
            have: 0,
            done: 0,
            beginning: range.beginning(),
            out: zeros(x.size * y.size + room)?,
            across,
            down,
            copies: copied(x, kx, real_width).zip(copied(y, ky, real_height)).map(|(x, y)| [x, y]),
            factor: (range.scale * f64::from(1 << BITS)).round() as i32,
        })
    }

    /// What needs no sum for each sample. False where it has to be scaled.
    fn copy(&mut self, kernels: Kernels, plane: &[u8]) -> bool {
        let Some([left, top]) = self.copies else { return false };
        for (y, to) in self.out.chunks_exact_mut(self.width).take(self.height).enumerate() {
            let from = &plane[(top + y) * self.stride + left..][..self.width];
            if self.factor == 1 << BITS {
                to.copy_from_slice(from);
                continue;
            }
            lanczos::levels(kernels, from, self.factor, self.beginning, to);
        }
        self.done = self.height;
        true
    }

    fn reading(mut self) -> Result<Self, Failure> {
        // Fours are read behind the last row too.
        let fours = self.rows_per_read.next_multiple_of(ROWS) * self.stride;
        self.read = zeros(fours + self.across.reach.max(self.stride))?;
        Ok(self)
    }

    fn bytes(&self) -> usize {
        let taps = self.across.coefficients.len() + self.down.coefficients.len();
        self.read.len() + self.out.len() + 2 * (self.four.len() + self.ring.len() + taps)
    }

    fn ended(&self) -> bool {
        self.done == self.height
    }

    /// The first row that is needed next; the last of all where none is.
    fn needs(&self) -> usize {
        self.down.start.get(self.done).copied().unwrap_or(usize::MAX)
    }

    /// Rows from `at` on lie in `read`.
    fn take_read(&mut self, kernels: Kernels, at: usize) {
        let read = std::mem::take(&mut self.read);
        self.take(kernels, at, self.rows_per_read, &read);
        self.read = read;
    }

    /// `most` rows from `at` on, or as many as there are.
    fn take(&mut self, kernels: Kernels, at: usize, most: usize, read: &[u8]) {
        let rows = most.min(self.real_height.saturating_sub(at));
        for y in (0..rows).step_by(ROWS) {
            if self.ended() {
                return;
            }
            // All of these stand before what is needed.
            if at + y + ROWS <= self.needs() {
                continue;
            }
            let four: [&[u8]; ROWS] = std::array::from_fn(|row| &read[(y + row) * self.stride..]);
            lanczos::across(kernels, four, &self.across, &mut self.four, self.ring_stride);
            for row in 0..ROWS.min(rows - y) {
                let place = (at + y + row) % self.ring_rows * self.ring_stride;
                let from = row * self.ring_stride;
                self.ring[place..place + self.ring_stride].copy_from_slice(&self.four[from..from + self.ring_stride]);
                self.have = at + y + row + 1;
                self.make(kernels);
            }
        }
    }

    /// Rows of the result of which all is there.
    fn make(&mut self, kernels: Kernels) {
        while !self.ended() {
            let start = self.down.start[self.done];
            // Coefficients behind the last row are zero.
            let end = (start + self.down.count).min(self.real_height);
            if self.have < end {
                return;
            }
            let row = |y: usize| &self.ring[y % self.ring_rows * self.ring_stride..][..self.ring_stride];
            let rows: Vec<&[i16]> = (start..end).map(row).collect();
            let coefficients = &self.down.of(self.done)[..rows.len()];
            let out = &mut self.out[self.done * self.width..];
            lanczos::down(kernels, &rows, coefficients, self.beginning, self.width, out);
            self.done += 1;
        }
    }
}

/// What a job needs of a JPEG, at the size of its result and not upright yet. All planes, or luma alone of a grey one.
pub struct Decoded {
    /// Of the original.
    pub header: Header,
    pub planes: Vec<Scaled>,
    pub chroma: Chroma,
    /// Bytes that were held at the most.
    pub peak: usize,
}

/// The planes of a result.
fn flows(grid: &Grid, job: &Job, chroma: Chroma) -> Result<Vec<Flow>, Failure> {
    let (width, height) = job.scaled();
    let [step_x, step_y] = steps(job);
    let mut taps = KnownTaps::default();
    (0..grid.layout.planes as usize)
        .map(|plane| {
            let spans = if plane == 0 || chroma == Chroma::Full {
                [
                    Span { from: job.part.left, step: step_x, size: width, sample: Sample::Whole },
                    Span { from: job.part.top, step: step_y, size: height, sample: Sample::Whole },
                ]
            } else {
                let half = |from: f64, step: f64, size: usize, reversed: bool| Span {
                    from: if reversed { from - step } else { from },
                    step: 2.0 * step,
                    size: size.div_ceil(2),
                    sample: Sample::Pair,
                };
                let [x, y] = reversed(job);
                [half(job.part.left, step_x, width, x), half(job.part.top, step_y, height, y)]
            };
            // Of what is kept: for kernels that read behind the last row.
            let room = if job.keep { ROWS * spans[0].size + MOST_REACH } else { LANES };
            Flow::new(plane, grid, spans, levels(job, plane).of(grid.levels[plane]), room, &mut taps)
        })
        .collect()
}

/// The levels of a plane of a result.
pub fn levels(job: &Job, plane: usize) -> Range {
    match (job.output, plane) {
        // Its range is limited where it is converted.
        _ if job.colours.is_some() => Range::FULL,
        (Output::Webp { .. }, 0) => Range::LIMITED_LUMA,
        (Output::Webp { .. }, _) => Range::LIMITED_CHROMA,
        _ => Range::FULL,
    }
}

/// Where an odd side is turned round, the last sample of chroma, of which half is beyond the picture, stands first.
pub fn reversed(job: &Job) -> [bool; 2] {
    let (width, height) = job.scaled();
    let odd = |side: usize| side % 2 == 1;
    [odd(width) && matches!(job.orientation, 2 | 3 | 7 | 8), odd(height) && matches!(job.orientation, 3 | 4 | 6 | 7)]
}

/// Decodes and scales.
pub fn decode(
    mut reader: Reader,
    header: &Header,
    job: &Job,
    chroma: Chroma,
    kernels: Kernels,
) -> Result<Decoded, Failure> {
    let layout = reader.start(eighths(job))?;
    let mut flows: Vec<Flow> = flows(&Grid::of_file(&layout, header), job, chroma)?
        .into_iter()
        .map(Flow::reading)
        .collect::<Result<_, _>>()?;
    let mut unit = 0;
    let behind = |flow: &Flow| flow.down.start.last().map_or(0, |last| last + flow.down.count + READ_AHEAD);
    let (end, rows) = (flows[0].real_height.min(behind(&flows[0])), flows[0].rows_per_read);
    while unit * rows < end || !flows.iter().all(Flow::ended) {
        let rows_left = flows.iter().any(|flow| unit * flow.rows_per_read < flow.real_height);
        if !rows_left {
            return Err(DAMAGED);
        }
        let mut to: Vec<&mut [u8]> = flows.iter_mut().map(|flow| flow.read.as_mut_slice()).collect();
        reader.next(&mut to)?;
        for flow in &mut flows {
            let at = unit * flow.rows_per_read;
            flow.take_read(kernels, at);
        }
        unit += 1;
    }
    // Rows below a part are not read, by sharp neither. Where all were, what follows them must be there.
    if flows.iter().all(|flow| unit * flow.rows_per_read >= flow.real_height) {
        reader.finish()?;
    }
    Ok(Decoded::of(flows, *header, chroma))
}

/// Scales what was decoded before.
pub fn scale(held: &Held, job: &Job, chroma: Chroma, bounds: Bounds, kernels: Kernels) -> Result<Decoded, Failure> {
    // Smaller than the result but for rounding, across or down: that is left to others. Of a narrow picture the two differ by their rounding.
    if steps(job).iter().zip(held.grid.per_pixel[0]).any(|(step, per_pixel)| step * per_pixel < LEAST_HELD_STEP) {
        return Err(Failure::Declined("size"));
    }
    let mut flows = flows(&held.grid, job, chroma)?;
    for (flow, plane) in flows.iter_mut().zip(&held.planes) {
        codecs::passed(&bounds)?;
        if flow.copy(kernels, plane) {
            continue;
        }
        if flow.across.count > MOST_REACH {
            return Err(Failure::Declined("size"));
        }
        flow.take(kernels, 0, flow.real_height, plane);
        if !flow.ended() {
            return Err(DAMAGED);
        }
    }
    Ok(Decoded::of(flows, held.header, chroma))
}

/// Turned upright, in rows that lie `stride` apart and are filled up with their last sample.
fn upright(Scaled { width, height, data }: &Scaled, orientation: u8, stride: usize) -> Result<Vec<u8>, Failure> {
    let (w, h) = (*width, *height);
    let (across, down) = if orientation >= 5 { (h, w) } else { (w, h) };
    let mut out = zeros(stride * down)?;
    // Tiles, so that both sides of a quarter turn stay in the cache.
    const TILE: usize = 32;
    for top in (0..down).step_by(TILE) {
        for left in (0..across).step_by(TILE) {
            for y in top..down.min(top + TILE) {
                let (from, step): (usize, isize) = match orientation {
                    2 => (y * w + w - 1, -1),
                    3 => ((h - 1 - y) * w + w - 1, -1),
                    4 => ((h - 1 - y) * w, 1),
                    5 => (y, w as isize),
                    6 => ((h - 1) * w + y, -(w as isize)),
                    7 => ((h - 1) * w + w - 1 - y, -(w as isize)),
                    8 => (w - 1 - y, w as isize),
                    _ => (y * w, 1),
                };
                let right = across.min(left + TILE);
                let row = &mut out[y * stride..][left..right];
                if step == 1 {
                    row.copy_from_slice(&data[from + left..from + right]);
                    continue;
                }
                for (x, to) in row.iter_mut().enumerate() {
                    *to = data[(from as isize + (left + x) as isize * step) as usize];
                }
            }
        }
    }
    for row in out.chunks_exact_mut(stride) {
        let last = row[across - 1];
        row[across..].fill(last);
    }
    Ok(out)
}

/// The middle of chroma, which a grey picture has everywhere.
pub const NO_COLOUR: u8 = 128;

impl Decoded {
    fn of(flows: Vec<Flow>, header: Header, chroma: Chroma) -> Self {
        let peak = flows.iter().map(Flow::bytes).sum();
        let scaled = |flow: Flow| Scaled { width: flow.width, height: flow.height, data: flow.out };
        Self { header, planes: flows.into_iter().map(scaled).collect(), chroma, peak }
    }

    /// Of `Chroma::Half`.
    pub fn into_planes(self, job: &Job) -> Result<Planes, Failure> {
        let stride = job.width.next_multiple_of(16);
        let mut planes = self
            .planes
            .iter()
            .enumerate()
            .map(|(at, plane)| upright(plane, job.orientation, if at == 0 { stride } else { stride / 2 }));
        let luma = planes.next().ok_or(DAMAGED)??;
        let grey = || filled(NO_COLOUR, stride / 2 * job.height.div_ceil(2));
        let cb = planes.next().unwrap_or_else(grey)?;
        let cr = planes.next().unwrap_or_else(grey)?;
        Ok(Planes { width: job.width, height: job.height, stride, luma, cb, cr })
    }

    /// Converted to sRGB and halved, of `Chroma::Full`. A grey picture has no colours that its profile could be of.
    pub fn into_converted(self, job: &Job, colours: &Conversion, kernels: Kernels) -> Result<Planes, Failure> {
        let stride = job.width.next_multiple_of(16);
        let [luma, cb, cr] = self.planes.as_slice() else { return Err(Failure::Declined("colours")) };
        let upright = |plane| upright(plane, job.orientation, stride);
        let planes = [upright(luma)?, upright(cb)?, upright(cr)?];
        let limited = matches!(job.output, Output::Webp { .. });
        colours.planes(kernels, planes, (job.width, job.height, stride), limited)
    }

    /// Red, green and blue in sRGB, of `Chroma::Full`.
    pub fn into_pixels(self, job: &Job) -> Result<Vec<u8>, Failure> {
        let planes = self
            .planes
            .iter()
            .map(|plane| upright(plane, job.orientation, job.width))
            .collect::<Result<Vec<_>, _>>()?;
        let mut pixels = zeros(3 * job.width * job.height)?;
        match planes.as_slice() {
            [_] if job.colours.is_some() => return Err(Failure::Declined("colours")),
            [luma] => {
                for (pixel, luma) in pixels.chunks_exact_mut(3).zip(luma) {
                    pixel.fill(*luma);
                }
            }
            [luma, cb, cr] => crate::colour::to_pixels(luma, cb, cr, &mut pixels),
            _ => return Err(DAMAGED),
        }
        if let Some(colours) = &job.colours {
            colours.pixels(&mut pixels);
        }
        Ok(pixels)
    }
}
