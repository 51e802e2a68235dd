using System.Runtime.InteropServices;

namespace Jitvmm.Devices.Net;

/// <summary>struct SlirpConfig, version 1 (libslirp.h 4.x, x86-64).</summary>
[StructLayout(LayoutKind.Explicit, Size = 184)]
internal struct SlirpSettings
{
    [FieldOffset(0)] public uint Version;
    [FieldOffset(8)] public byte EnablesIpv4;
    [FieldOffset(12)] public uint Network;
    [FieldOffset(16)] public uint Mask;
    [FieldOffset(20)] public uint Host;
    [FieldOffset(24)] public byte EnablesIpv6;
    [FieldOffset(96)] public uint FirstLease;
    [FieldOffset(100)] public uint NameServer;
    [FieldOffset(152)] public byte DisablesHostLoopback;
}

/// <summary>struct SlirpCb: what libslirp calls.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct SlirpCallbacks
{
    public delegate* unmanaged<byte*, nuint, nint, nint> SendPacket;
    public delegate* unmanaged<byte*, nint, void> GuestError;
    public delegate* unmanaged<nint, long> ClockNanoseconds;
    public delegate* unmanaged<nint, nint, nint, nint> NewTimer;
    public delegate* unmanaged<nint, nint, void> FreeTimer;
    public delegate* unmanaged<nint, long, nint, void> ChangeTimer;
    public delegate* unmanaged<int, nint, void> RegisterFile;
    public delegate* unmanaged<int, nint, void> UnregisterFile;
    public delegate* unmanaged<nint, void> Notify;
    public nint InitCompleted;
    public nint NewTimerById;
}
