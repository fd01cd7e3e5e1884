type RowValue = string | number | bigint | boolean

/**
 * The rows that a caller may see: each column must equal its value, or one of the values of a list.
 * All columns must match.
 *
 * A value is never an object, which a query may read as an operator (`{ $ne: null }`). A filter
 * without columns, and an empty list, would match every row or none: a maker of filters refuses the
 * request instead.
 */
export type RowFilter = Readonly<Record<string, RowValue | readonly RowValue[]>>
