/// Kafka and a schema registry on one machine, without containers: real ones, started and stopped by us. Start reading
/// at [io.tidegrad.localstack.LocalStack].
@NullMarked
package io.tidegrad.localstack;

import org.jspecify.annotations.NullMarked;
