namespace Jitvmm.Devices.Net;

/// <summary>Takes a frame; called with the network's lock held, which is taken after a transmit queue's and before a receive queue's.</summary>
public delegate void FrameHandler(ReadOnlySpan<byte> frame);

/// <summary>What a network card is plugged into. Frames are Ethernet, without checksum.</summary>
public interface INetwork : IDisposable
{
    /// <summary>Called for each frame to the guest; set before the first is sent.</summary>
    FrameHandler? Received { get; set; }

    /// <summary>A frame from the guest, any bytes. Any thread.</summary>
    void Send(ReadOnlySpan<byte> frame);
}
