namespace Jitvmm.Devices.Xen;

/// <summary>How far a driver or a back end is in their handshake (xen/include/public/io/xenbus.h).</summary>
public enum XenbusState
{
    Unknown = 0,
    Initialising = 1,
    InitWait = 2,
    Initialised = 3,
    Connected = 4,
    Closing = 5,
    Closed = 6,
}
