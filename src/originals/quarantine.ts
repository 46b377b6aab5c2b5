/** Prefix of the keys of uploads that were refused. No id that begins with it is ever served. */
export const QUARANTINE = '.quarantine/';
