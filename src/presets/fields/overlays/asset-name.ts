import { z } from 'zod';

/** Path of an asset below its folder: no dot begins a part, so none leads out of it. */
const ASSET_NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]*(?:\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/;

export const assetName = z
  .string()
  .max(100)
  .regex(
    ASSET_NAME,
    'expected the name of an asset such as logo.png, of letters, digits, _, -, inner dots and slashes',
  );
