@NullMarked
package io.tidegrad.cli;

import org.jspecify.annotations.NullMarked;
