import type { Picture } from './picture.ts';

/**
 * A canvas without WebGL. MediaPipe's graph uploads its input as a texture and reads it back before it computes on the CPU: this
 * keeps the last upload and returns its bytes. All other calls of WebGL get an answer that the graph accepts.
 */
export function createCanvas() {
  let uploaded: Picture | undefined;
  const parameters: Readonly<Record<number, unknown>> = {
    7936: 'none', // VENDOR
    7937: 'none', // RENDERER
    7938: 'WebGL 2.0', // VERSION
    33307: 3, // MAJOR_VERSION
    33308: 0, // MINOR_VERSION
  };
  const context: Record<string, unknown> = {
    texImage2D: (...upload: unknown[]) => {
      uploaded = upload.at(-1) as Picture;
    },
    readPixels: (...[, , width, height, , , target, offset]: [...number[], Uint8Array, number]) => {
      const bytes = Number(width) * Number(height) * 4;
      if (uploaded) (target as Uint8Array).set(uploaded.data.subarray(0, bytes), Number(offset ?? 0));
    },
    checkFramebufferStatus: () => 36053, // FRAMEBUFFER_COMPLETE
    clientWaitSync: () => 37146, // ALREADY_SIGNALED
    fenceSync: () => ({}),
    getContextAttributes: () => ({}),
    getError: () => 0,
    getExtension: () => null,
    // MediaPipe takes limits of zero for a broken driver.
    getParameter: (name: number) => parameters[name] ?? 16_384,
    getSupportedExtensions: () => [],
    isContextLost: () => false,
  };
  const objects = ['Buffer', 'Framebuffer', 'Program', 'Query', 'Renderbuffer', 'Sampler', 'Shader', 'Texture'];
  for (const object of [...objects, 'VertexArray']) {
    context[`create${object}`] = () => ({});
    context[`delete${object}`] = () => {};
    context[`bind${object}`] = () => {};
    context[`is${object}`] = () => true;
  }
  const ignored = [
    ...['activeTexture', 'bindBufferBase', 'clear', 'clearColor', 'deleteSync', 'disable', 'drawBuffers', 'enable'],
    ...['finish', 'flush', 'framebufferTexture2D', 'generateMipmap', 'pixelStorei', 'readBuffer', 'texParameterf'],
    ...['texParameteri', 'texStorage2D', 'texSubImage2D', 'useProgram', 'viewport'],
  ];
  for (const name of ignored) context[name] = () => {};
  return {
    ...{ width: 1, height: 1 },
    getContext: () => context,
    addEventListener: () => {},
    removeEventListener: () => {},
  };
}
