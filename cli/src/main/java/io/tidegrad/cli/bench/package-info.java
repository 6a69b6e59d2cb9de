@NullMarked
package io.tidegrad.cli.bench;

import org.jspecify.annotations.NullMarked;
