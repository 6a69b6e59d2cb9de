/// Little-endian bytes with magic, format number and checksum: what our own formats have in common.
@NullMarked
package io.tidegrad.model.binary;

import org.jspecify.annotations.NullMarked;
