/** Packages that stay outside the bundle: native code, and a library that needs its WASM beside it. */
export const EXTERNAL = ['sharp', '@mediapipe/tasks-vision'];
