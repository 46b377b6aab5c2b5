export default defineEventHandler(() => signedListings());
