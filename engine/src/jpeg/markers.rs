//! What stands between the pixels of a JPEG (T.81, annex B), read strictly: whatever libjpeg warns of, and whatever is rare, is not for this
//! decoder.

use super::tables::{Code, NATURAL};
use crate::codecs::Header;

const SOI: u8 = 0xD8;
const EOI: u8 = 0xD9;
/// libjpeg's JPEG_MAX_DIMENSION.
const MOST_SIDE: u32 = 65500;
/// Blocks of an MCU (T.81, B.2.3).
const MOST_BLOCKS: u32 = 10;

/// Steps of quantisation in rows, not in the order of a scan.
pub type Steps = [u16; 64];

#[derive(Clone, Copy, Default)]
pub struct Component {
    id: u8,
    pub across: u32,
    pub down: u32,
    /// Which of the tables of steps.
    steps: usize,
}

/// A frame header (T.81, B.2.2).
#[derive(Clone, Default)]
pub struct Frame {
    pub progressive: bool,
    pub width: u32,
    pub height: u32,
    /// One, or three of YCbCr.
    pub components: Vec<Component>,
}

impl Frame {
    pub fn most_across(&self) -> u32 {
        self.components.iter().map(|component| component.across).max().unwrap_or(1)
    }

    pub fn most_down(&self) -> u32 {
        self.components.iter().map(|component| component.down).max().unwrap_or(1)
    }

    /// As libjpeg's path tells it.
    pub fn header(&self) -> Header {
        const GREY: u32 = 1;
        const YCBCR: u32 = 3;
        let (mut across, mut down) = ([0; 4], [0; 4]);
        for (at, component) in self.components.iter().enumerate() {
            (across[at], down[at]) = (component.across, component.down);
        }
        let components = self.components.len() as u32;
        let colours = if components == 1 { GREY } else { YCBCR };
        Header {
            width: self.width,
            height: self.height,
            components,
            colours,
            precision: 8,
            arithmetic: 0,
            across,
            down,
        }
    }
}

/// One component of a scan: which of the frame, and which of the tables.
#[derive(Clone, Copy)]
pub struct Part {
    pub component: usize,
    pub dc: usize,
    pub ac: usize,
}

/// A scan header (T.81, B.2.3), and where its first segment begins.
#[derive(Clone)]
pub struct Scan {
    pub parts: Vec<Part>,
    /// The band of coefficients.
    pub first: u8,
    pub last: u8,
    /// Bits of successive approximation: before this scan, and after it.
    pub before: u8,
    pub after: u8,
    pub at: usize,
}

/// Reads segment by segment, and keeps what they define.
#[derive(Clone)]
pub struct Markers<'a> {
    bytes: &'a [u8],
    at: usize,
    pub frame: Frame,
    pub steps: [Option<Box<Steps>>; 4],
    pub dc: [Option<Box<Code>>; 4],
    pub ac: [Option<Box<Code>>; 4],
    /// MCUs between restart markers, 0 without (T.81, B.2.4.4).
    pub restart: u32,
    jfif: bool,
    /// The transform that Adobe's segment names.
    adobe: Option<u8>,
}

/// What `Markers::next` came to.
pub enum Next {
    Scan(Scan),
    End,
}

fn word(bytes: &[u8]) -> Option<usize> {
    bytes.first_chunk().map(|pair| usize::from(u16::from_be_bytes(*pair)))
}

impl<'a> Markers<'a> {
    /// None where the file does not begin as a JPEG.
    pub fn new(bytes: &'a [u8]) -> Option<Self> {
        bytes.starts_with(&[0xFF, SOI]).then(|| Self {
            bytes,
            at: 2,
            frame: Frame::default(),
            steps: Default::default(),
            dc: Default::default(),
            ac: Default::default(),
            restart: 0,
            jfif: false,
            adobe: None,
        })
    }

    /// Goes on behind a segment of a scan, whose marker was `code`, and ends at `at`.
    pub fn resume(&mut self, code: u8, at: usize) -> Option<Next> {
        self.at = at;
        self.from(code)
    }

    /// Up to the next scan or the end. None for what is not read here.
    pub fn next(&mut self) -> Option<Next> {
        let code = self.code()?;
        self.from(code)
    }

    fn from(&mut self, mut code: u8) -> Option<Next> {
        loop {
            if code == EOI {
                return Some(Next::End);
            }
            // Some writers put a restart marker behind the last MCU too, which libjpeg lets pass.
            if matches!(code, 0xD0..=0xD7) {
                code = self.code()?;
                continue;
            }
            // All others have a length, which counts itself.
            let length = word(self.bytes.get(self.at..)?)?;
            let data = self.bytes.get(self.at..self.at + length)?.get(2..)?;
            self.at += length;
            match code {
                0xC0..=0xC2 => self.frame(code == 0xC2, data)?,
                0xC4 => self.codes(data)?,
                0xDA => return Some(Next::Scan(self.scan(data)?)),
                0xDB => self.steps(data)?,
                0xDD => self.restart = (data.len() == 2).then(|| word(data))?? as u32,
                0xE0 if data.len() >= 14 && data.starts_with(b"JFIF\0") => {
                    self.jfif = true;
                    // libjpeg warns of another major version.
                    (data[5] == 1).then_some(())?;
                }
                0xEE if data.len() >= 12 && data.starts_with(b"Adobe") => self.adobe = Some(data[11]),
                0xE0..=0xEF | 0xFE => {}
                _ => return None,
            }
            code = self.code()?;
        }
    }

    /// The next marker, which lies right ahead but for ones that fill (T.81, B.1.1.2).
    fn code(&mut self) -> Option<u8> {
        let ones = self.bytes.get(self.at..)?.iter().take_while(|byte| **byte == 0xFF).count();
        let code = *self.bytes.get(self.at + ones)?;
        self.at += ones + 1;
        (ones > 0 && code != 0).then_some(code)
    }

    fn frame(&mut self, progressive: bool, data: &[u8]) -> Option<()> {
        let &[precision, _, _, _, _, count, ref rest @ ..] = data else { return None };
        let (height, width) = (word(&data[1..])? as u32, word(&data[3..])? as u32);
        let side = 1..=MOST_SIDE;
        let sound =
            self.frame.components.is_empty() && precision == 8 && side.contains(&width) && side.contains(&height);
        if !sound || !matches!(count, 1 | 3) || rest.len() != 3 * usize::from(count) {
            return None;
        }
        let component = |of: &[u8]| Component {
            id: of[0],
            across: u32::from(of[1] >> 4),
            down: u32::from(of[1] & 15),
            steps: usize::from(of[2]),
        };
        let components: Vec<Component> = rest.chunks_exact(3).map(component).collect();
        let factors = |c: &Component| (1..=4).contains(&c.across) && (1..=4).contains(&c.down) && c.steps < 4;
        let blocks: u32 = components.iter().map(|c| c.across * c.down).sum();
        let ids: Vec<u8> = components.iter().map(|c| c.id).collect();
        let alone = (1..ids.len()).all(|at| !ids[..at].contains(&ids[at]));
        if !components.iter().all(factors) || (count > 1 && blocks > MOST_BLOCKS) || !alone {
            return None;
        }
        self.frame = Frame { progressive, width, height, components };
        Some(())
    }

    /// DHT (T.81, B.2.4.2).
    fn codes(&mut self, mut data: &[u8]) -> Option<()> {
        while let Some((head, rest)) = data.split_first_chunk::<17>() {
            let mut counts = *head;
            let (class, at) = (std::mem::take(&mut counts[0]) >> 4, usize::from(head[0] & 15));
            let count = counts.iter().map(|count| usize::from(*count)).sum();
            let mut symbols = [0; 256];
            symbols.get_mut(..count)?.copy_from_slice(rest.get(..count)?);
            let tables = [&mut self.dc, &mut self.ac];
            let table = tables.into_iter().nth(usize::from(class))?.get_mut(at)?;
            *table = Some(Box::new(Code { counts, symbols }));
            data = &rest[count..];
        }
        data.is_empty().then_some(())
    }

    /// DQT (T.81, B.2.4.1).
    fn steps(&mut self, mut data: &[u8]) -> Option<()> {
        while let Some((&head, rest)) = data.split_first() {
            let size = match head >> 4 {
                0 => 1,
                1 => 2,
                _ => return None,
            };
            let table = self.steps.get_mut(usize::from(head & 15))?;
            let mut steps = [0; 64];
            for (step, at) in rest.get(..64 * size)?.chunks_exact(size).zip(NATURAL) {
                steps[usize::from(at)] = step.iter().fold(0, |high, low| high << 8 | u16::from(*low));
            }
            *table = Some(Box::new(steps));
            data = &rest[64 * size..];
        }
        Some(())
    }

    /// SOS (T.81, B.2.3).
    fn scan(&mut self, data: &[u8]) -> Option<Scan> {
        let (&count, rest) = data.split_first()?;
        let count = usize::from(count);
        if !(1..=self.frame.components.len()).contains(&count) || rest.len() != 2 * count + 3 || !self.is_ycbcr() {
            return None;
        }
        let (parts, rest) = rest.split_at(2 * count);
        let part = |of: &[u8]| {
            let component = self.frame.components.iter().position(|component| component.id == of[0])?;
            Some(Part { component, dc: usize::from(of[1] >> 4), ac: usize::from(of[1] & 15) })
        };
        let parts = parts.chunks_exact(2).map(part).collect::<Option<Vec<_>>>()?;
        // In the order of the frame (T.81, B.2.3), and so each at most once.
        let sound = parts.is_sorted_by(|one, next| one.component < next.component);
        let (before, after) = (rest[2] >> 4, rest[2] & 15);
        sound.then_some(Scan { parts, first: rest[0], last: rest[1], before, after, at: self.at })
    }

    /// Whether three components are YCbCr, as libjpeg tells it, and without what it warns of.
    fn is_ycbcr(&self) -> bool {
        let ids: Vec<u8> = self.frame.components.iter().map(|component| component.id).collect();
        let adobe = matches!(self.adobe, None | Some(1));
        ids.len() == 1 || (adobe && (self.jfif || self.adobe.is_some() || ids != *b"RGB"))
    }

    /// The steps of a component, as they are now.
    pub fn steps_of(&self, component: usize) -> Option<&Steps> {
        self.steps[self.frame.components[component].steps].as_deref()
    }
}
