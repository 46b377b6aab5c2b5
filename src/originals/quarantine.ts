/** Before the key of what was uploaded and refused. No id below it is ever served. */
export const QUARANTINE = '.quarantine/';
