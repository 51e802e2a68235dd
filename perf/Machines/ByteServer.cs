using System.Net;
using System.Net.Sockets;

namespace Jitvmm.Perf.Machines;

/// <summary>Sends a fixed number of bytes to whoever connects to a port of the host's loopback.</summary>
internal sealed class ByteServer : IDisposable
{
    private const int Blocks = 1536;
    private const int BlockSize = 64 * 1024;

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);

    public ByteServer()
    {
        _listener.Start();
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        new Thread(Serve) { IsBackground = true, Name = "byte server" }.Start();
    }

    public int Port { get; }

    public void Dispose() => _listener.Stop();

    private void Serve()
    {
        byte[] block = new byte[BlockSize];
        while (true)
        {
            try
            {
                using Socket client = _listener.AcceptSocket();
                for (int i = 0; i < Blocks; i++)
                {
                    _ = client.Send(block);
                }
            }
            catch (SocketException error) when (error.SocketErrorCode is SocketError.Interrupted or SocketError.OperationAborted)
            {
                return;
            }
            catch (SocketException)
            {
                // The guest went away: the next one may connect.
            }
        }
    }
}
