export default { images: { loader: 'custom', loaderFile: './darkroom-loader.js' } };
