/// What a trainer and a joiner share as processes that run Kafka Streams: how they end and why, who they are to Kafka, and
/// the topics that they watch.
@NullMarked
package io.tidegrad.process;

import org.jspecify.annotations.NullMarked;
