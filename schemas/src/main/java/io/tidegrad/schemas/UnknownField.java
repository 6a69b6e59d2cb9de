package io.tidegrad.schemas;

/// A field that an event's schema lacks.
@FunctionalInterface
public interface UnknownField {
    /// The field, what has been found and which field was probably meant. Looks for it anew with each call.
    String message();
}
