package io.tidegrad.console;

import com.fasterxml.jackson.annotation.JsonProperty;

/// A dead letter for people.
///
/// @param time when it was appended, epoch ms
/// @param topic where the refused record is, with `partition` and `offset`
/// @param stream who refused it, if no model did; empty otherwise
record DeadLetterView(@JsonProperty("time_ms") long time, String reason, String detail, String topic, String partition,
        String offset, String stream, String key, String value) {
}
