/**
 * Which state of an original something was made under. A purge, a replaced original and an edit lead to another epoch, on
 * every machine; what was made under an earlier one is missing. Compared for equality only: no epoch ever comes back.
 */
export type Epoch = string;

/** Where epochs are told: the records of the originals. */
export interface Epochs {
  /** As far as this process knows. */
  of(id: string): Epoch;
  /** Asks the record of the original now, by a conditional read. Rejects with the store's error when it cannot be asked. */
  confirm(id: string, signal: AbortSignal): Promise<Epoch>;
}
