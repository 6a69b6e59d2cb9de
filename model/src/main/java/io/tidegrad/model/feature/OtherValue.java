package io.tidegrad.model.feature;

/// A value that no feature can be made of.
///
/// @param description for messages: `a record`
record OtherValue(String description) {
}
