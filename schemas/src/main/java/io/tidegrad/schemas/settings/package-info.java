/// Where Kafka and the schema registry are and how to be let in, as plain values for the clients.
@NullMarked
package io.tidegrad.schemas.settings;

import org.jspecify.annotations.NullMarked;
