//! Compiles the shim over libjpeg's public interface against the headers of the libjpeg that is linked.
fn main() {
    println!("cargo:rerun-if-changed=csrc");
    let include = std::env::var_os("DEP_JPEG_INCLUDE").expect("mozjpeg-sys tells where its headers are");
    let mut build = cc::Build::new();
    build.file("csrc/jpeg.c").includes(std::env::split_paths(&include)).std("gnu11").opt_level(3);
    build.warnings(true).extra_warnings(true).flag_if_supported("-fstack-protector-strong").compile("darkroom_jpeg");
    if std::env::var_os("CARGO_FEATURE_NODE").is_some() {
        napi_build::setup();
    }
}
