/** Preloaded: a sharp that says it is another version than the keys of renditions promise. */
import { registerHooks } from 'node:module';

const OTHER = `data:text/javascript,${encodeURIComponent("export default { versions: { sharp: '0.1.0', vips: '8.0.0' } };")}`;

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'sharp' ? { url: OTHER, shortCircuit: true } : next(specifier, context),
});
