namespace Jitvmm.Tests.Runtime.Paging;

/// <summary>The paging modes (SDM vol. 3A, 4.1.1).</summary>
public enum PagingMode
{
    Bits32,
    Pae,
    FourLevel,
}

/// <summary>What the processor is set to while it translates.</summary>
internal sealed record PagingControls(PagingMode Mode, ulong Root)
{
    public bool LargePages32 { get; init; }

    public bool GlobalPages { get; init; }

    public bool NoExecute { get; init; }

    public bool WriteProtect { get; init; }

    /// <summary>SMEP.</summary>
    public bool NoSupervisorFetch { get; init; }

    /// <summary>SMAP.</summary>
    public bool NoSupervisorData { get; init; }
}

internal enum AccessKind
{
    Read,
    Write,
    Fetch,
}

/// <summary>One access to memory.</summary>
internal sealed record PagingAccess(ulong Linear, AccessKind Kind, bool IsUser, bool HasAlignmentCheck);

/// <summary>What comes of an access: a physical address, or the error code of a page fault.</summary>
/// <param name="IsFault">Whether it faults.</param>
/// <param name="ErrorCode">The fault's.</param>
/// <param name="Physical">Where the byte is, otherwise.</param>
/// <param name="IsGlobal">Its translation is global.</param>
/// <param name="Size">Bytes its page has.</param>
/// <param name="Entries">Places of the entries that were used, from the top.</param>
internal sealed record Translation(bool IsFault, uint ErrorCode, ulong Physical, bool IsGlobal, ulong Size, IReadOnlyList<ulong> Entries);

/// <summary>
/// Translates as the tables and sentences of SDM vol. 3A, chapter 4 say, one rule after the other and with no thought of speed. It shares nothing with what it is
/// compared to.
/// </summary>
internal sealed class ReferenceWalker(Func<ulong, int, ulong> read)
{
    /// <summary>MAXPHYADDR.</summary>
    private const int Width = 40;

    public Translation Walk(PagingControls controls, PagingAccess access)
    {
        List<ulong> places = [];
        List<ulong> entries = [];
        ulong linear = controls.Mode == PagingMode.FourLevel ? access.Linear : access.Linear & 0xffffffff;
        ulong table = Root(controls);
        for (int level = Levels(controls.Mode); ; level--)
        {
            int bytes = controls.Mode == PagingMode.Bits32 ? 4 : 8;
            int indexBits = controls.Mode == PagingMode.Bits32 ? 10 : 9;
            int shift = 12 + (level - 1) * indexBits;
            ulong index = (linear >> shift) & ((1ul << indexBits) - 1);
            ulong place = table + index * (ulong)bytes;
            ulong entry = read(place, bytes);
            places.Add(place);
            if (!Bit(entry, 0))
            {
                return Fault(controls, access, isPresent: false, isReserved: false, places);
            }

            bool isLeaf = level == 1 || IsLargePage(controls, level, entry);
            if (HasReservedBit(controls, level, entry, isLeaf))
            {
                return Fault(controls, access, isPresent: true, isReserved: true, places);
            }

            // PAE's page-directory pointers have no access rights (table 4-8).
            if (controls.Mode != PagingMode.Pae || level != 3)
            {
                entries.Add(entry);
            }

            if (isLeaf)
            {
                ulong size = 1ul << shift;
                return IsAllowed(controls, access, entries)
                    ? new Translation(false, 0, Frame(controls, entry, size) + (linear & (size - 1)), controls.GlobalPages && Bit(entry, 8), size, places)
                    : Fault(controls, access, isPresent: true, isReserved: false, places);
            }

            table = Bits(entry, 12, controls.Mode == PagingMode.Bits32 ? 31 : Width - 1) << 12;
        }
    }

    private static int Levels(PagingMode mode) => mode switch
    {
        PagingMode.Bits32 => 2,
        PagingMode.Pae => 3,
        _ => 4,
    };

    /// <summary>Tables 4-3, 4-7 and 4-12: what of CR3 is an address.</summary>
    private static ulong Root(PagingControls controls) => controls.Mode switch
    {
        PagingMode.Bits32 => Bits(controls.Root, 12, 31) << 12,
        PagingMode.Pae => Bits(controls.Root, 5, 31) << 5,
        _ => Bits(controls.Root, 12, Width - 1) << 12,
    };

    /// <summary>4.3: PS counts in a page directory if CR4.PSE is set; 4.4.2 and 4.5.4: always, and in a 4-level page-directory-pointer table too.</summary>
    private static bool IsLargePage(PagingControls controls, int level, ulong entry) => controls.Mode switch
    {
        PagingMode.Bits32 => level == 2 && controls.LargePages32 && Bit(entry, 7),
        PagingMode.Pae => level == 2 && Bit(entry, 7),
        _ => level is 2 or 3 && Bit(entry, 7),
    };

    private static bool HasReservedBit(PagingControls controls, int level, ulong entry, bool isLeaf)
    {
        if (controls.Mode == PagingMode.Bits32)
        {
            // Table 4-4: with 40 bits of address, bits 20:13 are bits 39:32 and bit 21 is reserved.
            return isLeaf && level == 2 && Bit(entry, 21);
        }

        if (controls.Mode == PagingMode.Pae && level == 3)
        {
            // Checked when CR3 is loaded (4.4.1), not here.
            return false;
        }

        // Tables 4-9 to 4-11: PAE reserves 62:M; tables 4-15 to 4-20: 4-level paging only 51:M.
        bool isBeyond = Bits(entry, Width, controls.Mode == PagingMode.Pae ? 62 : 51) != 0;
        bool isForbidden = Bit(entry, 63) && !controls.NoExecute;
        bool isTopLarge = level == 4 && Bit(entry, 7);
        bool isMisaligned = isLeaf && level > 1 && Bits(entry, 13, 12 + 9 * (level - 1) - 1) != 0;
        return isBeyond || isForbidden || isTopLarge || isMisaligned;
    }

    private static ulong Frame(PagingControls controls, ulong entry, ulong size)
    {
        if (controls.Mode != PagingMode.Bits32)
        {
            return (Bits(entry, 12, Width - 1) << 12) & ~(size - 1);
        }

        return size == 4096 ? Bits(entry, 12, 31) << 12 : (Bits(entry, 22, 31) << 22) | (Bits(entry, 13, 20) << 32);
    }

    /// <summary>4.6.1: access rights, from R/W, U/S and XD of all entries.</summary>
    private static bool IsAllowed(PagingControls controls, PagingAccess access, List<ulong> entries)
    {
        bool isUserAddress = entries.All(entry => Bit(entry, 2));
        bool isWritable = entries.All(entry => Bit(entry, 1));
        bool isExecutable = controls.Mode == PagingMode.Bits32 || !controls.NoExecute || entries.All(entry => !Bit(entry, 63));
        if (access.IsUser)
        {
            return isUserAddress && access.Kind switch
            {
                AccessKind.Read => true,
                AccessKind.Write => isWritable,
                _ => isExecutable,
            };
        }

        bool isOpen = !isUserAddress || !controls.NoSupervisorData || access.HasAlignmentCheck;
        return access.Kind switch
        {
            AccessKind.Read => isOpen,
            AccessKind.Write => isOpen && (isWritable || !controls.WriteProtect),
            _ => isExecutable && !(isUserAddress && controls.NoSupervisorFetch),
        };
    }

    /// <summary>4.7: the error code.</summary>
    private static Translation Fault(PagingControls controls, PagingAccess access, bool isPresent, bool isReserved, List<ulong> places)
    {
        bool tellsFetches = controls.NoSupervisorFetch || (controls.Mode != PagingMode.Bits32 && controls.NoExecute);
        uint code = (isPresent ? 1u : 0)
            | (access.Kind == AccessKind.Write ? 2u : 0)
            | (access.IsUser ? 4u : 0)
            | (isReserved ? 8u : 0)
            | (access.Kind == AccessKind.Fetch && tellsFetches ? 16u : 0);
        return new Translation(true, code, 0, false, 0, places);
    }

    private static bool Bit(ulong value, int bit) => ((value >> bit) & 1) != 0;

    private static ulong Bits(ulong value, int low, int high) => (value >> low) & ((1ul << (high - low + 1)) - 1);
}
