using System.Runtime.InteropServices;

namespace Jitvmm.Tests.Differential;

/// <summary>
/// The guest addresses every case uses, on the host and in the engine. They are odd on purpose: edge values
/// such as powers of two must not hit them, and they fit a sign-extended 32-bit displacement.
/// </summary>
public static class TestLayout
{
    public const ulong DataBase = 0x1b700000;
    public const int DataSize = 8192;

    /// <summary>The page after the writable ones is not mapped; the next is read-only; after it nothing again.</summary>
    public const ulong ReadOnlyBase = DataBase + 0x3000;

    public const int PageSize = 4096;
    public const ulong CodeBase = 0x2a300000;
    public const int CodeSize = 0x100000;
    public const int LineSize = 64;
    public const int MaxLines = 16;
    public const int MaxPrograms = 256;
    public const int MaxCases = 4096;
    public const int MaxCodeBytes = 1024;
    public const int ExitStubs = 8;

    /// <summary>Where the reference's own program lies, in reach of 32-bit addresses: away from the edge values, as gathers' indices too.</summary>
    public const ulong OracleBase = 0x2d500000;

    /// <summary>Whether native code that uses an address, or its low half, finds the reference itself there: its program, or its stack.</summary>
    public static bool IsOracles(ulong address) => (uint)address - OracleBase < OracleReach || address - OracleStack < (1ul << 47) - OracleStack;

    private const ulong OracleStack = 0x7fff_0000_0000;

    private const ulong OracleReach = 0x40_0000;
}

/// <summary>Registers as oracle.c lays them out.</summary>
[StructLayout(LayoutKind.Explicit, Size = 1024)]
public unsafe struct MachineState
{
    [FieldOffset(0)] public fixed ulong Gpr[16];
    [FieldOffset(128)] public ulong Rip;
    [FieldOffset(136)] public ulong Flags;
    [FieldOffset(144)] public ulong FsBase;
    [FieldOffset(152)] public ulong GsBase;

    /// <summary>Standard-form XSAVE image: FXSAVE area, header, upper YMM halves (SDM vol. 1, 13.4).</summary>
    [FieldOffset(192)] public fixed byte Xsave[832];

    [FieldOffset(192)] public ushort ControlWord;
    [FieldOffset(194)] public ushort StatusWord;
    [FieldOffset(196)] public byte ValidMask;
    [FieldOffset(216)] public uint Mxcsr;
    [FieldOffset(192 + 512)] public ulong ComponentsInUse;

    public const int StOffset = 192 + 32;
    public const int XmmOffset = 192 + 160;
    public const int YmmHighOffset = 192 + 576;

    public static byte* St(MachineState* state, int index) => (byte*)state + StOffset + 16 * index;

    public static byte* Xmm(MachineState* state, int index) => (byte*)state + XmmOffset + 16 * index;

    public static byte* YmmHigh(MachineState* state, int index) => (byte*)state + YmmHighOffset + 16 * index;
}

[StructLayout(LayoutKind.Explicit, Size = 1216)]
public unsafe struct CaseInput
{
    [FieldOffset(0)] public MachineState State;
    [FieldOffset(1024)] public fixed ulong PatchAddress[2];
    [FieldOffset(1040)] public uint PatchCount;
    [FieldOffset(1088)] public fixed byte PatchData[2 * TestLayout.LineSize];
}

/// <summary>What one side did with a case. <see cref="Trap"/> is an exception vector and counts only if <see cref="Signal"/> is not 0.</summary>
[StructLayout(LayoutKind.Explicit, Size = 2176)]
public unsafe struct CaseOutput
{
    public const uint NoExit = 0xffffffff;

    [FieldOffset(0)] public MachineState State;
    [FieldOffset(1024)] public uint Signal;
    [FieldOffset(1028)] public uint Code;
    [FieldOffset(1032)] public ulong Trap;
    [FieldOffset(1040)] public ulong Error;
    [FieldOffset(1048)] public ulong FaultAddress;

    /// <summary>Which terminator the code left through.</summary>
    [FieldOffset(1056)] public uint ExitIndex;

    /// <summary>Lines of the writable pages that differ from what the case started with; only the first <see cref="TestLayout.MaxLines"/> are kept.</summary>
    [FieldOffset(1060)] public uint LineCount;

    [FieldOffset(1088)] public fixed uint LineOffset[TestLayout.MaxLines];
    [FieldOffset(1152)] public fixed byte Line[TestLayout.MaxLines * TestLayout.LineSize];
}

[StructLayout(LayoutKind.Explicit, Size = 10240)]
internal unsafe struct OracleProgram
{
    [FieldOffset(0)] public ulong CodeAddress;
    [FieldOffset(8)] public uint CodeLength;
    [FieldOffset(12)] public uint FirstCase;
    [FieldOffset(16)] public uint CaseCount;
    [FieldOffset(512)] public fixed byte Code[TestLayout.MaxCodeBytes];
    [FieldOffset(512 + TestLayout.MaxCodeBytes)] public fixed byte Memory[TestLayout.DataSize];
}

[StructLayout(LayoutKind.Explicit, Size = 8192)]
internal unsafe struct OracleHeader
{
    [FieldOffset(0)] public fixed ulong ExitStub[TestLayout.ExitStubs];
    [FieldOffset(64)] public uint ProgramCount;
    [FieldOffset(68)] public uint Ready;
    [FieldOffset(4096)] public fixed byte ReadOnly[TestLayout.PageSize];
}
