//! Conversion over HTTPS: reviews in, converted objects out, and the certificates for it.
