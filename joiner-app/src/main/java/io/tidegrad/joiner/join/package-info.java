/// The join of events and their labels: a pure state machine for each id (`LabelJoin`), and how its state is encoded.
/// Nothing here knows Kafka or a clock.
@NullMarked
package io.tidegrad.joiner.join;

import org.jspecify.annotations.NullMarked;
