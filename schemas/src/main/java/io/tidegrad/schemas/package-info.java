/// What programs of ours and others agree on: topics, Avro schemas, and how records travel by them. Start reading at
/// [io.tidegrad.schemas.AvroCodec].
@NullMarked
package io.tidegrad.schemas;

import org.jspecify.annotations.NullMarked;
