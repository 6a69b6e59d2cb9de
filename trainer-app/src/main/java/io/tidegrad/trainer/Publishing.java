package io.tidegrad.trainer;

import io.tidegrad.model.snapshot.PublishedSnapshot;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;

/// Where and how a process writes models.
///
/// @param topics with the prefix of the models
/// @param replication replication factor of topics that are created; -1 for the brokers' default
/// @param deadLetterRetention retention of the dead-letter topic if it is created, in ms; -1 for ever
/// @param form how snapshots are encoded and signed
public record Publishing(KafkaSettings kafka, Topics topics, short replication, long deadLetterRetention,
        PublishedSnapshot.Form form) {
}
