/// Reads and writes little-endian records with magic, format number and checksum, which all binary formats of Tidegrad
/// use.
@NullMarked
package io.tidegrad.model.binary;

import org.jspecify.annotations.NullMarked;
