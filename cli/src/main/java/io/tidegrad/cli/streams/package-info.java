@NullMarked
package io.tidegrad.cli.streams;

import org.jspecify.annotations.NullMarked;
