//! Broken copies of files, the same for the same seed.

pub struct Noise(u64);

impl Noise {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// From 0 on, below `most`.
    pub fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % most.max(1)
    }
}

/// Where the scan begins: half of all changes are in front of it, because that is where sizes and tables are.
fn head(file: &[u8]) -> usize {
    file.windows(2).position(|pair| pair == [0xFF, 0xDA]).map_or(file.len(), |at| at + 14).min(file.len())
}

/// A copy with one to three changes.
pub fn mutant(file: &[u8], noise: &mut Noise) -> Vec<u8> {
    let mut broken = file.to_vec();
    let head = head(file);
    for _ in 0..1 + noise.below(3) {
        let within = if noise.below(2) == 0 { head } else { broken.len() };
        let at = noise.below(within.min(broken.len()));
        match noise.below(7) {
            0 if at < broken.len() => broken[at] ^= 1 << noise.below(8),
            1 if at < broken.len() => broken[at] = noise.below(256) as u8,
            2 if at + 1 < broken.len() => broken[at..at + 2].copy_from_slice(&[0xFF, 0xC0 + noise.below(64) as u8]),
            3 => {
                broken.truncate(at);
            }
            4 => {
                let end = (at + noise.below(64)).min(broken.len());
                broken.drain(at..end);
            }
            5 => {
                let bytes: Vec<u8> = (0..noise.below(32)).map(|_| noise.below(256) as u8).collect();
                broken.splice(at..at, bytes);
            }
            _ => {
                let from = noise.below(broken.len());
                let part = broken[from..(from + noise.below(200)).min(broken.len())].to_vec();
                broken.splice(at..at, part);
            }
        }
        if broken.is_empty() {
            break;
        }
    }
    broken
}
