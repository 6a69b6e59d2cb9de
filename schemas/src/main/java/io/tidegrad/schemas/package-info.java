@NullMarked
package io.tidegrad.schemas;

import org.jspecify.annotations.NullMarked;
