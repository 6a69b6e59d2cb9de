/// The Kafka Streams topology of a joiner: it reads ids and times of events and labels, brings both sides together by id,
/// and keeps what the join remembers in state stores.
@NullMarked
package io.tidegrad.joiner.topology;

import org.jspecify.annotations.NullMarked;
