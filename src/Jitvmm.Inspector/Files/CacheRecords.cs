using System.Runtime.InteropServices;

namespace Jitvmm.Inspector.Files;

/// <summary>What became of a translation.</summary>
public enum TranslationState : byte
{
    /// <summary>It was there when the file was written.</summary>
    Live,

    /// <summary>Its bytes changed, or the mapping of them.</summary>
    Invalidated,

    /// <summary>The whole cache was thrown away, because it was full or another program began.</summary>
    Flushed,
}

/// <summary>A block of guest code: bytes at a place, and all that happened to translations of just these bytes there.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
public struct BlockRecord
{
    /// <summary>RIP.</summary>
    public ulong Address;

    /// <summary>Where the bytes are in a machine guest's memory; the address itself in a process.</summary>
    public ulong Physical;

    /// <summary>Where its one instruction goes on in another page; 0 when it does not.</summary>
    public ulong NextPage;

    /// <summary>Where its bytes are in the section of code.</summary>
    public ulong CodeOffset;

    /// <summary>Times tier 0 ran it.</summary>
    public ulong Interpreted;

    /// <summary>Times compiled code ran it.</summary>
    public ulong Compiled;

    /// <summary>Executions at which it was to be offered to tier 1; 0 for never.</summary>
    public ulong Threshold;

    /// <summary>Bytes of guest code.</summary>
    public uint CodeLength;

    /// <summary>When it was first translated, in milliseconds of the recording.</summary>
    public uint Made;

    /// <summary>When it last went; all ones while it is there.</summary>
    public uint Gone;

    /// <summary>Times it was translated.</summary>
    public uint Translations;

    /// <summary>Times it was thrown away because its code changed.</summary>
    public uint Invalidations;

    /// <summary>Regions it was ever part of.</summary>
    public uint Regions;

    /// <summary>Guest instructions.</summary>
    public ushort Instructions;

    /// <summary>A <see cref="Runtime.CodeCache.CodeMode"/>.</summary>
    public ushort Mode;

    public TranslationState State;

    /// <summary>1 when compiled code was entered at it when the file was written.</summary>
    public byte IsEntry;

    /// <summary>1 when it looks for unmasked floating-point exceptions.</summary>
    public byte ChecksFloat;

    public byte Reserved;

    /// <summary>Executions in both tiers.</summary>
    public readonly ulong Executions => Interpreted + Compiled;

    /// <summary>First guest address past it.</summary>
    public readonly ulong End => Address + CodeLength;
}

/// <summary>Compiled code of several blocks.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
public struct RegionRecord
{
    /// <summary>Where its code was in the host process.</summary>
    public ulong HostAddress;

    /// <summary>Where its host code is in the section of host code.</summary>
    public ulong HostOffset;

    /// <summary>Bytes of host code; 0 when it was not read.</summary>
    public uint HostLength;

    /// <summary>Its first <see cref="RegionPartRecord"/>.</summary>
    public uint FirstPart;

    /// <summary>Its parts.</summary>
    public uint Parts;

    /// <summary>Guest instructions.</summary>
    public uint Instructions;

    /// <summary>When it was published, in milliseconds of the recording.</summary>
    public uint Made;

    /// <summary>When it was retired; all ones while it is there.</summary>
    public uint Gone;

    /// <summary>What compiling it took, in microseconds.</summary>
    public uint CompileTime;

    /// <summary>The block it was made for.</summary>
    public uint Head;

    /// <summary>A <see cref="Translator.Regions.RegionAccess"/>.</summary>
    public byte Access;

    public TranslationState State;

    /// <summary>Its <see cref="RegionJumpRecord"/>s.</summary>
    public ushort Jumps;

    /// <summary>The first of them.</summary>
    public uint FirstJump;

    /// <summary>1 if it keeps the order of NaNs in every operation.</summary>
    public ushort KeepsNanOrder;

    /// <summary>1 if it is right only while nobody but its vCPU writes to memory.</summary>
    public ushort AssumesPrivateMemory;
}

/// <summary>A way that a computed jump or call takes inside a region.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
public struct RegionJumpRecord
{
    /// <summary>The block it ends.</summary>
    public uint From;

    /// <summary>The block it goes to.</summary>
    public uint To;
}

/// <summary>A block of a region, or one outside whose code it relied on.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
public struct RegionPartRecord
{
    /// <summary>What <see cref="Entry"/> says of a block outside.</summary>
    public const int Dependency = -2;

    /// <summary>Which block.</summary>
    public uint Block;

    /// <summary>The number under which the region is entered at it; −1 when it is not.</summary>
    public int Entry;

    /// <summary>Times the region ran it.</summary>
    public ulong Executions;
}

/// <summary>How often generated code was left at a place, in one way.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
public struct ExitRecord
{
    /// <summary>What <see cref="Region"/> and <see cref="Block"/> say when there is none.</summary>
    public const uint None = uint.MaxValue;

    /// <summary>Guest address where guest code goes on, or of the instruction that leaves.</summary>
    public ulong Address;

    public ulong Count;

    /// <summary>The region that was left; <see cref="None"/> for exits to the vCPU's loop, which come from either tier.</summary>
    public uint Region;

    /// <summary>The block the address is in; <see cref="None"/> when there is none, or nobody looked.</summary>
    public uint Block;

    public ExitKind Kind;

    public byte Reserved;

    public ushort Reserved2;

    public uint Reserved3;
}

/// <summary>How often translations of a block were thrown away for one reason.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
public struct InvalidationRecord
{
    /// <summary>Guest address of the storing instruction, or of the one behind a system call; 0 when there is none.</summary>
    public ulong Instruction;

    /// <summary>Where was written the last time.</summary>
    public ulong Address;

    /// <summary>Bytes written the last time.</summary>
    public ulong Length;

    public ulong Count;

    public uint Block;

    /// <summary>When it first happened, in milliseconds of the recording.</summary>
    public uint First;

    /// <summary>When it last happened.</summary>
    public uint Last;

    /// <summary>A <see cref="Runtime.CodeCache.CodeChangeKind"/>.</summary>
    public byte Kind;

    public byte Reserved;

    public ushort Reserved2;
}

/// <summary>A hypercall site.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
public struct SiteRecord
{
    public ulong Address;

    public ulong Physical;

    /// <summary>The call's number, when <see cref="HasNumber"/> is 1.</summary>
    public ulong Number;

    public ulong Count;

    /// <summary>A <see cref="Runtime.Paravirt.HypercallInstruction"/>.</summary>
    public byte Instruction;

    /// <summary>A <see cref="Runtime.Paravirt.HypercallSiteKind"/>.</summary>
    public byte Kind;

    public byte HasNumber;

    public byte IsReplaced;

    public uint Reserved;
}

/// <summary>A symbol of the guest's.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
public struct SymbolRecord
{
    public ulong Address;

    /// <summary>Bytes; 0 when nobody says.</summary>
    public ulong Size;

    /// <summary>Its name in the section of text.</summary>
    public TextReference Name;
}

/// <summary>A mapped file of a process guest.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
public struct ModuleRecord
{
    public ulong Start;

    public ulong End;

    /// <summary>Offset in the file.</summary>
    public ulong Offset;

    public TextReference Path;
}

/// <summary>A fact about the run: name and value.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
public struct FactRecord
{
    public TextReference Name;

    public TextReference Value;
}

/// <summary>UTF-8 in the section of text.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 4)]
public struct TextReference
{
    public uint Offset;

    public uint Length;
}
