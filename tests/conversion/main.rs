//! Conversion between the versions of a custom resource, on a real API server.
