/// Starts and stops a real Kafka and a real schema registry on one machine, without containers. Start reading at
/// [io.tidegrad.localstack.LocalStack].
@NullMarked
package io.tidegrad.localstack;

import org.jspecify.annotations.NullMarked;
