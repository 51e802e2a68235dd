namespace Jitvmm.Translator.Emit;

/// <summary>A hash table without collisions of the addresses a computed jump goes to, for an IL switch.</summary>
/// <param name="Multiplier">An address times this,</param>
/// <param name="Shift">shifted right by this, is its slot.</param>
/// <param name="Slots">The addresses; <see cref="Empty"/> where there is none.</param>
internal sealed record TargetTable(ulong Multiplier, int Shift, ulong[] Slots)
{
    /// <summary>No jump of a region goes there.</summary>
    public const ulong Empty = ulong.MaxValue;

    private const int Attempts = 1000;

    /// <summary>A table about twice as large as its content; null if none was found, which sixteen addresses hardly cause.</summary>
    public static TargetTable? TryMake(ReadOnlySpan<ulong> targets)
    {
        int bits = 65 - System.Numerics.BitOperations.LeadingZeroCount((ulong)targets.Length);
        ulong multiplier = 0x9e37_79b9_7f4a_7c15;
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            TargetTable table = new(multiplier, 64 - bits, new ulong[1 << bits]);
            Array.Fill(table.Slots, Empty);
            if (table.TryFill(targets))
            {
                return table;
            }

            multiplier = (multiplier * 0x5851_f42d_4c95_7f2d) + 1442695040888963406;
            multiplier |= 1;
        }

        return null;
    }

    private bool TryFill(ReadOnlySpan<ulong> targets)
    {
        foreach (ulong target in targets)
        {
            ref ulong slot = ref Slots[target * Multiplier >> Shift];
            if (slot != Empty)
            {
                return false;
            }

            slot = target;
        }

        return true;
    }
}
