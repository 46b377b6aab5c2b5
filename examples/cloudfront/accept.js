// A CloudFront Function (runtime cloudfront-js-2.0, viewer request): replaces any Accept by one of the three classes of
// Darkroom, so that the cache policy can put Accept into the key. One copy where Accept decides nothing.

// Presets with a format of their own, here the built-in ones. A missing one costs two more copies and is served rightly.
const FIXED = ['thumb', 'small', 'medium', 'large', 'retina', 'og', 'avatar-small', 'avatar-medium', 'avatar-large'];

/** Whether Accept names the type with a weight above 0. */
function names(accept, type) {
  return accept.split(',').some((range) => {
    const parts = range.split(';').map((part) => part.trim());
    return parts[0] === type && !parts.some((part) => /^q=0(\.0*)?$/.test(part));
  });
}

// biome-ignore lint/correctness/noUnusedVariables: CloudFront calls it by this name
function handler(event) {
  const request = event.request;
  const given = request.headers.accept || { value: '' };
  const lines = given.multiValue || [given];
  const accept = lines.map((line) => line.value.toLowerCase()).join(',');

  // /<signature>/<preset>[@<size>][.<format>]/<id>
  const preset = request.uri.split('/')[2] || '';
  const decided = /\.(avif|webp|jpeg|png)$/.test(preset) || FIXED.indexOf(preset.split('@')[0]) >= 0;
  let left = 'image/*';
  if (!decided && names(accept, 'image/avif')) left = 'image/avif,image/webp';
  else if (!decided && names(accept, 'image/webp')) left = 'image/webp';
  request.headers.accept = { value: left };
  return request;
}
